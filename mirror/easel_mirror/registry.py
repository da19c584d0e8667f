"""One registry, by the OCI distribution specification.

https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md; section names stand below.
"""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from easel_mirror.credentials import Credentials, credentials_for
from easel_mirror.errors import MirrorError, NotThereError, PassingError, RefusedError
from easel_mirror.manifest import ACCEPTED, MAX_MANIFEST_BYTES, Manifest
from easel_mirror.reference import DOCKER_HUB, is_digest, is_loopback
from easel_mirror.token_auth import TokenAuth, is_expired
from easel_mirror.transport import Transport, bounded_body, finish, raise_for_status

_OCTETS = {"Content-Type": "application/octet-stream"}
_DOCKER_HUB_HOST = "registry-1.docker.io"


class Registry:
    """Reads from a registry and writes into it; every method is one attempt.

    All methods raise PassingError where another attempt may work, and RefusedError where none will.
    """

    def __init__(
        self, host: str, credentials: Credentials | None = None, address: str | None = None
    ) -> None:
        """Names the registry; nothing is asked yet.

        Args:
            host: as references name it, with its port if it has one.
            credentials: who signs in; None: whoever is known to.
            address: `host[:port]` where it is reached, if that is another one.
        """
        self.host = host
        address = address or (_DOCKER_HUB_HOST if host == DOCKER_HUB else host)
        scheme = "http" if is_loopback(address) else "https"
        self._base = f"{scheme}://{address}/v2/"
        self._transport = Transport()
        self._auth = TokenAuth(host, credentials or credentials_for(host), self._transport)

    # -- Pulling -------------------------------------------------------------------------------

    def manifest(self, repository: str, wanted: str) -> Manifest:
        """Gets a manifest by its digest, or the one that a tag names."""
        what = self._name(repository, wanted)
        url = f"{self._base}{repository}/manifests/{wanted}"
        with self._get(url, repository, what, {"Accept": ACCEPTED}) as response:
            content = bounded_body(response, what, MAX_MANIFEST_BYTES)
            declared = response.headers.get("Docker-Content-Digest")
            manifest = Manifest.read(content, response.headers.get("Content-Type", ""), what)
        expected = wanted if is_digest(wanted) else declared
        if expected and manifest.digest != expected:
            raise PassingError(f"{what}: came as {manifest.digest}: something on the way broke it")
        return manifest

    def manifest_digest(self, repository: str, wanted: str) -> str | None:
        """Returns the digest of a manifest; None: it is not there, or its repository is not."""
        what = self._name(repository, wanted)
        url = f"{self._base}{repository}/manifests/{wanted}"
        try:
            with self._get(url, repository, what, {"Accept": ACCEPTED}, "HEAD") as response:
                digest = response.headers.get("Docker-Content-Digest", "")
            return digest if is_digest(digest) else self.manifest(repository, wanted).digest
        except NotThereError:
            return None

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether a repository has a blob."""
        url = f"{self._base}{repository}/blobs/{digest}"
        try:
            finish(self._get(url, repository, self._name(repository, digest), method="HEAD"))
        except NotThereError:
            return False
        return True

    def open_blob(self, repository: str, digest: str, offset: int) -> tuple[requests.Response, int]:
        """Begins to get a blob.

        Args:
            repository: that has it.
            digest: of it.
            offset: in bytes, from where it is wanted.

        Returns:
            The answer, whose body is to be read and closed; and from where it goes on: from the
            beginning, where the registry or the storage behind it knows no ranges.
        """
        what = self._name(repository, digest)
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        url = f"{self._base}{repository}/blobs/{digest}"
        response = self._get(url, repository, what, headers)
        if response.status_code != requests.codes.partial_content:
            return response, 0
        if not response.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
            response.close()
            raise RefusedError(f"{what}: answers another range than it was asked for")
        return response, offset

    # -- Pushing -------------------------------------------------------------------------------

    def begin_upload(self, repository: str, mount: str = "", source: str = "") -> str | None:
        """Begins an upload; or has the registry take the blob from a repository of its own.

        Args:
            repository: that is to have it.
            mount: digest of the blob.
            source: repository that has the blob.

        Returns:
            Where to send the bytes to; None: the registry had them, and there is nothing to send.
        """
        url = f"{self._base}{repository}/blobs/uploads/"
        what = f"{self.host}/{repository}: begin of an upload"
        if source:
            query = {"mount": mount, "from": source}
            response = self._push("POST", url, repository, what, params=query)
            if response.status_code == requests.codes.created:
                return None
            # It does not mount, and has begun an upload under another token than that of the rest.
        response = self._push("POST", url, repository, what)
        return self._location(response, url, what)

    def sent_bytes(self, repository: str, location: str) -> int:
        """Asks how many bytes of an upload have come."""
        what = f"{self.host}/{repository}: upload"
        response = self._push("GET", location, repository, what)
        first, _, last = response.headers.get("Range", "").removeprefix("bytes=").partition("-")
        return int(last) + 1 if first == "0" and last.isdecimal() and last != "0" else 0

    def send_blob(
        self, repository: str, location: str, body: Callable[[], Any], span: tuple[int, int]
    ) -> str:
        """Sends bytes.

        Args:
            repository: that is to have them.
            location: of the upload.
            body: makes what requests takes as data, anew for each attempt.
            span: the blob's size, and how many bytes of it have come before.

        Returns:
            Where the upload goes on.
        """
        what = f"{self.host}/{repository}: upload"
        if self._auth.is_asked_for and self._auth.header(_push_scope(repository)) is None:
            # The token has ended: better to be told so without gigabytes on the way.
            with contextlib.suppress(RefusedError):
                self.sent_bytes(repository, location)
        size, offset = span
        headers = dict(_OCTETS)
        if offset:
            headers["Content-Range"] = f"{offset}-{size - 1}"
        response = self._push("PATCH", location, repository, what, headers, body=body)
        return self._location(response, location, what)

    def finish_upload(self, repository: str, location: str, digest: str) -> None:
        """Ends an upload; the registry compares the digest."""
        what = f"{self._name(repository, digest)}: end of the upload"
        headers = _OCTETS | {"Content-Length": "0"}
        url = f"{location}{'&' if '?' in location else '?'}digest={digest}"
        self._push("PUT", url, repository, what, headers=headers)

    def put_manifest(self, repository: str, wanted: str, manifest: Manifest) -> None:
        """Stores a manifest as it is, under its digest or a tag."""
        what = self._name(repository, wanted)
        url = f"{self._base}{repository}/manifests/{wanted}"
        headers = {"Content-Type": manifest.media_type}
        response = self._push("PUT", url, repository, what, headers, body=lambda: manifest.content)
        stored = response.headers.get("Docker-Content-Digest", manifest.digest)
        if stored != manifest.digest:
            raise RefusedError(f"{what}: was stored as {stored}, not as {manifest.digest}")

    # ------------------------------------------------------------------------------------------

    def _name(self, repository: str, wanted: str) -> str:
        return f"{self.host}/{repository}{'@' if is_digest(wanted) else ':'}{wanted}"

    def _get(
        self,
        url: str,
        repository: str,
        what: str,
        headers: dict[str, str] | None = None,
        method: str = "GET",
    ) -> requests.Response:
        def send(signed: dict[str, str]) -> requests.Response:
            return self._transport.get(url, headers=(headers or {}) | signed, method=method)

        return self._signed(send, f"repository:{repository}:pull", what)

    def _push(
        self,
        method: str,
        url: str,
        repository: str,
        what: str,
        headers: dict[str, str] | None = None,
        *,
        params: dict[str, str] | None = None,
        body: Callable[[], Any] = lambda: None,
    ) -> requests.Response:
        def send(signed: dict[str, str]) -> requests.Response:
            sent = (headers or {}) | signed
            return self._transport.send(method, url, headers=sent, params=params, data=body())

        scope = _push_scope(repository)
        if params and "from" in params:
            scope += f" repository:{params['from']}:pull"
        response = self._signed(send, scope, what)
        finish(response)
        return response

    def _signed(
        self, send: Callable[[dict[str, str]], requests.Response], scope: str, what: str
    ) -> requests.Response:
        # A header that has ended, none at all, the right one.
        for left in (2, 1, 0):
            known = self._auth.header(scope)
            response = send({"Authorization": known} if known else {})
            if left and response.status_code == requests.codes.unauthorized:
                challenge = response.headers.get("WWW-Authenticate", "")
                finish(response)
                self._auth.answer(challenge, scope)
                continue
            try:
                raise_for_status(response, what)
            except MirrorError as error:
                response.close()
                if not (left and known and is_expired(error)):
                    raise
                self._auth.forget(scope)
            else:
                return response
        raise AssertionError("the last attempt returns or raises")

    def _location(self, response: requests.Response, url: str, what: str) -> str:
        location = urljoin(url, response.headers.get("Location", ""))
        # The password goes along.
        if urlsplit(location)[:2] != urlsplit(self._base)[:2]:
            raise RefusedError(f"{what}: is sent to another host, {urlsplit(location).netloc!r}")
        return location


class Registries:
    """The registries that are read from, each made once."""

    def __init__(self, known: Iterable[Registry] = ()) -> None:
        self._known = {registry.host: registry for registry in known}

    def of(self, host: str) -> Registry:
        """Returns the registry of a host.

        Raises:
            MirrorError: Docker's logins cannot be read.
        """
        if host not in self._known:
            self._known[host] = Registry(host)
        return self._known[host]


def _push_scope(repository: str) -> str:
    return f"repository:{repository}:pull,push"
