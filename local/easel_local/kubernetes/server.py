"""Serves a store of objects over HTTP or TLS, as far as Helm, kubectl and easel call."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import yaml

from easel_local.kubernetes.discovery import Resource, discovery
from easel_local.kubernetes.errors import ApiError
from easel_local.kubernetes.objects import Event, Object, ObjectStore
from easel_local.kubernetes.paths import ObjectPath
from easel_local.kubernetes.secret_protobuf import MAGIC, decode_secret
from easel_local.kubernetes.selectors import selected
from easel_local.ports import LOOPBACK
from easel_simulators.browsers import foreign_request

Authenticate = Callable[[str | None], None]
"""Looks at a request's Authorization; raises ApiError where it is not good enough."""

_MAX_BODY_BYTES = 3 * 1024 * 1024
_APPLY = "application/apply-patch+yaml"
_MERGES = {"application/merge-patch+json", "application/strategic-merge-patch+json"}
_WATCH_SECONDS = 300.0
_IDLE_SECONDS = 60
# Clients look here for kinds that version 3 does not have, and go on where there are none.
_OPENAPI_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_EMPTY_OPENAPI_V2 = b"\x0a\x032.0"
_INITIAL_EVENTS_END = "k8s.io/initial-events-end"

Query = dict[str, str]


class _Handler(BaseHTTPRequestHandler):
    store: ClassVar[ObjectStore]
    guards: ClassVar[tuple[Authenticate, ...]]
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(self._read)

    def do_POST(self) -> None:
        self._answer(self._create, HTTPStatus.CREATED)

    def do_PUT(self) -> None:
        self._answer(lambda path, _: self.store.put(path, self._body()))

    def do_PATCH(self) -> None:
        self._answer(self._patch)

    def do_DELETE(self) -> None:
        self._answer(self._delete)

    def _answer(
        self, act: Callable[[str, Query], Object | None], status: HTTPStatus = HTTPStatus.OK
    ) -> None:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        self.store.calls.append(f"{self.command} {self.path}")
        try:
            self._content = self._received()
            self._check_sender()
            for guard in self.guards:
                guard(self.headers["Authorization"])
            parsed = ObjectPath.parse(url.path.strip("/"))
            body = act(str(parsed) if parsed else url.path.strip("/"), query)
        except ApiError as error:
            self._send(error.status, error.body(), error.retry_after)
        else:
            if body is not None:  # else it has answered by itself
                self._send(status, body)

    def _check_sender(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        if (why := foreign_request(headers)) is not None:
            raise ApiError(HTTPStatus.FORBIDDEN, why, "Forbidden")

    def _send(self, status: HTTPStatus, body: Object, retry_after: int | None = None) -> None:
        with self.store.changed:
            text = json.dumps(body).encode()
        self._send_bytes(status, "application/json", text, retry_after)

    def _send_bytes(
        self, status: HTTPStatus, kind: str, content: bytes, retry_after: int | None = None
    ) -> None:
        self.send_response(status)
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _received(self) -> bytes:
        length = int(self.headers.get("Content-Length", 0))
        if length > _MAX_BODY_BYTES:
            self.close_connection = True
            raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too long")
        return self.rfile.read(length)

    def _body(self) -> Object:
        if self._content.startswith(MAGIC):
            try:
                return decode_secret(self._content)
            except ValueError as error:
                raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, str(error)) from error
        try:
            body = yaml.safe_load(self._content)
        except yaml.YAMLError as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, str(error), "BadRequest") from error
        if not isinstance(body, dict):
            raise ApiError(HTTPStatus.BAD_REQUEST, "no object", "BadRequest")
        return body

    def _read(self, path: str, query: Query) -> Object | None:
        if path == "openapi/v2":
            self._send_bytes(HTTPStatus.OK, _OPENAPI_V2, _EMPTY_OPENAPI_V2)
            return None
        if path == "calls":  # no path of Kubernetes
            return {"calls": list(self.store.calls)}
        said = discovery(path, self.store.resources())
        if said is not None:
            return said
        parsed, resource = self._resource(path)
        if parsed.name:
            return self.store.get(path)
        if query.get("watch") in {"1", "true"}:
            self._watch(parsed, query)
            return None
        with self.store.changed:
            version = self.store.version
            items = [one for one in self.store.listed(parsed) if _wanted(one, query)]
        return {
            "kind": f"{resource.kind}List",
            "apiVersion": resource.group_version,
            "metadata": {"resourceVersion": str(version)},
            "items": items,
        }

    def _delete(self, path: str, query: Query) -> Object:
        parsed = ObjectPath.parse(path)
        # Helm's client sends options in protobuf too; only a pod has a grace that they could set.
        is_read = parsed is not None and parsed.plural == "pods"
        options = self._body() if is_read and self._content else {}
        if (seconds := query.get("gracePeriodSeconds", "")).lstrip("-").isdigit():
            options["gracePeriodSeconds"] = int(seconds)
        return self.store.delete(path, options)

    def _create(self, path: str, query: Query) -> Object:
        _, resource = self._resource(path)
        if urlsplit(self.path).path.endswith(f"{path}/eviction"):
            return self.store.evict(path, self._body())
        body: Object = {"apiVersion": resource.group_version, "kind": resource.kind} | self._body()
        if query.get("dryRun"):
            return body
        return self.store.create(f"{path}/{body['metadata']['name']}", body)

    def _patch(self, path: str, query: Query) -> Object:
        self._resource(path)
        kind = self.headers["Content-Type"]
        if kind in _MERGES:
            return self.store.merge(path, self._body())
        if kind != _APPLY:
            raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "only apply and merge patches")
        if query.get("fieldValidation") != "Strict":
            message = "field validation is not strict"
            raise ApiError(HTTPStatus.BAD_REQUEST, message, "BadRequest")
        return self.store.apply(path, self._body(), dry_run=bool(query.get("dryRun")))

    def _resource(self, path: str) -> tuple[ObjectPath, Resource]:
        parsed = ObjectPath.parse(path)
        for resource in self.store.resources():
            if parsed and (parsed.prefix, parsed.plural) == (resource.prefix, resource.plural):
                return parsed, resource
        message = "the server could not find the requested resource"
        raise ApiError(HTTPStatus.NOT_FOUND, message, "NotFound")

    def _watch(self, path: ObjectPath, query: Query) -> None:
        """Answers with one line for every change, until the client or the time ends it."""
        until = time.monotonic() + min(_WATCH_SECONDS, float(query.get("timeoutSeconds", "300")))
        initial = query.get("sendInitialEvents") == "true"
        with self.store.changed:
            version = self.store.version
            first = [one for one in self.store.listed(path) if _wanted(one, query)]
        since = query.get("resourceVersion", "")
        if not initial and since not in {"", "0"}:
            version, first = int(since), []
            self.store.events_after(version)  # refused before anything is sent
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for one in first:
                self._chunk({"type": "ADDED", "object": one})
            if initial:
                self._chunk(self._bookmark(path, version))
            self._follow(path, query, version, until)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True  # the client has seen enough

    def _follow(self, path: ObjectPath, query: Query, version: int, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            with self.store.changed:
                events = self.store.events_after(version)
                if not events:
                    self.store.changed.wait(min(left, 1.0))
                    continue
            for event in events:
                version = event.version
                if path.lists(event.path) and _wanted(event.object, query):
                    self._chunk(_told(event))

    def _bookmark(self, path: ObjectPath, version: int) -> Object:
        _, resource = self._resource(str(path))
        metadata = {
            "resourceVersion": str(version),
            "annotations": {_INITIAL_EVENTS_END: "true"},
        }
        about = {"apiVersion": resource.group_version, "kind": resource.kind, "metadata": metadata}
        return {"type": "BOOKMARK", "object": about}

    def _chunk(self, event: Object) -> None:
        with self.store.changed:
            line = json.dumps(event).encode() + b"\n"
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.flush()


def _wanted(one: Object, query: Query) -> bool:
    return selected(one, query.get("labelSelector", ""), query.get("fieldSelector", ""))


def _told(event: Event) -> Object:
    return {"type": event.type, "object": event.object}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """A client that goes away is nothing to report."""


@contextmanager
def serving(
    store: ObjectStore,
    *,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    authenticate: Authenticate | None = None,
) -> Iterator[str]:
    """Serves a store on 127.0.0.1 from a thread while the block runs.

    Args:
        store: the objects.
        port: 0 takes a free one.
        tls: None serves plain HTTP.
        authenticate: None lets everyone in.

    Yields:
        The URL.

    Raises:
        OSError: the port is taken.
    """
    guards = (authenticate,) if authenticate else ()
    handler = type("Handler", (_Handler,), {"store": store, "guards": guards})
    server = _Server((LOOPBACK, port), handler)
    if tls:
        # The handshake belongs to the connection's own thread, not to the one that accepts.
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
