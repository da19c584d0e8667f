"""An API server in memory, as far as Helm calls one. It stores objects and runs nothing.

It is for protocol tests: that real Helm can install, upgrade, roll back and uninstall the chart.
It is no Kubernetes: no controller, no admission, no access control.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.charts.kubernetes_discovery import RESOURCES, discovery
from tests.charts.secret_protobuf import MAGIC, decode_secret

Object = dict[str, Any]
Validator = Callable[[Object], list[str]]

_PATH = re.compile(
    r"(?P<prefix>api/v1|apis/[^/]+/[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?"
)


class ApiError(Exception):
    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class ObjectStore:
    """Objects by their path, each with what was last applied to it."""

    def __init__(self, validate: Validator | None = None) -> None:
        self.objects: dict[str, Object] = {}
        self.calls: list[str] = []
        self._applied: dict[str, Object] = {}
        self._validate = validate
        self._version = 0
        self._lock = threading.Lock()

    def get(self, path: str) -> Object:
        if path not in self.objects:
            raise ApiError(HTTPStatus.NOT_FOUND, f"{path} not found")
        return self.objects[path]

    def selected(self, path: str, selector: str) -> list[Object]:
        return [
            one
            for name, one in sorted(self.objects.items())
            if name.rpartition("/")[0] == path and _selected(one, selector)
        ]

    def put(self, path: str, content: Object) -> Object:
        with self._lock:
            self._version += 1
            metadata = content.setdefault("metadata", {})
            metadata["resourceVersion"] = str(self._version)
            metadata.setdefault("uid", f"uid-{self._version}")
            self.objects[path] = content
            return content

    def apply(self, path: str, wanted: Object) -> Object:
        """Server-side apply by one manager: what others have set, and it has not, stays."""
        if self._validate and (problems := self._validate(wanted)):
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(problems))
        merged = _merge(self.objects.get(path, {}), self._applied.get(path, {}), wanted)
        self._applied[path] = wanted
        return self.put(path, merged)

    def delete(self, path: str) -> Object:
        found = self.get(path)
        with self._lock:
            del self.objects[path]
            self._applied.pop(path, None)
        return found

    def of_kind(self, kind: str) -> list[Object]:
        return [one for one in self.objects.values() if one["kind"] == kind]


def _merge(live: Object, before: Object, wanted: Object) -> Object:
    merged = {key: value for key, value in live.items() if key in wanted or key not in before}
    for key, value in wanted.items():
        parts = [one.get(key) for one in (live, before)]
        if isinstance(value, dict):
            below = [one if isinstance(one, dict) else {} for one in parts]
            merged[key] = _merge(below[0], below[1], value)
        else:
            merged[key] = value
    return merged


def _selected(one: Object, selector: str) -> bool:
    labels = one["metadata"].get("labels", {})
    terms = re.findall(r"[^,(]+(?:\([^)]*\))?", selector)
    for term in terms:
        name, operator, value = re.fullmatch(r"(\S+?)\s*(=|!=| in )\s*(.+)", term).groups()  # type: ignore[union-attr]
        values = [part.strip() for part in value.strip("()").split(",")]
        if (labels.get(name) in values) == (operator == "!="):
            return False
    return True


class _Handler(BaseHTTPRequestHandler):
    store: ObjectStore
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(self._read)

    def do_POST(self) -> None:
        self._answer(self._create)

    def do_PUT(self) -> None:
        self._answer(lambda path, _: self.store.put(path, self._body()))

    def do_PATCH(self) -> None:
        self._answer(self._patch)

    def do_DELETE(self) -> None:
        self._answer(self._delete)

    def _answer(self, act: Callable[[str, dict[str, list[str]]], Object]) -> None:
        url = urlsplit(self.path)
        path = url.path.strip("/")
        self.store.calls.append(f"{self.command} {self.path}")
        self._content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            status, body = HTTPStatus.OK, act(path, parse_qs(url.query))
        except ApiError as error:
            status = error.status
            body = {
                "kind": "Status",
                "apiVersion": "v1",
                "status": "Failure",
                "reason": "NotFound" if status == HTTPStatus.NOT_FOUND else "Invalid",
                "message": str(error),
                "code": status,
            }
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _body(self) -> Object:
        if self._content.startswith(MAGIC):
            return decode_secret(self._content)
        body = yaml.safe_load(self._content)
        if not isinstance(body, dict):
            raise ApiError(HTTPStatus.BAD_REQUEST, "no object")
        return body

    def _read(self, path: str, query: dict[str, list[str]]) -> Object:
        said = discovery(path)
        if said is not None:
            return said
        match = _PATH.fullmatch(path)
        known = {(one.prefix, one.plural): one for one in RESOURCES}
        if not match or (match["prefix"], match["plural"]) not in known or match["name"]:
            return self.store.get(path)
        resource = known[match["prefix"], match["plural"]]
        items = self.store.selected(path, query.get("labelSelector", [""])[0])
        return {
            "kind": f"{resource.kind}List",
            "apiVersion": resource.group_version,
            "metadata": {"resourceVersion": "1"},
            "items": items,
        }

    def _create(self, path: str, _: dict[str, list[str]]) -> Object:
        body = self._body()
        return self.store.put(f"{path}/{body['metadata']['name']}", body)

    def _patch(self, path: str, query: dict[str, list[str]]) -> Object:
        if self.headers["Content-Type"] != "application/apply-patch+yaml":
            raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "only server-side apply")
        if query.get("fieldValidation") != ["Strict"]:
            raise ApiError(HTTPStatus.BAD_REQUEST, "field validation is not strict")
        return self.store.apply(path, self._body())

    def _delete(self, path: str, _: dict[str, list[str]]) -> Object:
        self.store.delete(path)
        return {"kind": "Status", "apiVersion": "v1", "status": "Success"}


@contextmanager
def kubernetes_api(store: ObjectStore) -> Iterator[str]:
    """Serves a store on 127.0.0.1; yields the URL."""
    handler = type("Handler", (_Handler,), {"store": store})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
