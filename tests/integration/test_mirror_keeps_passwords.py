"""A registry's password goes where a token is given, and nowhere else."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from easel_mirror.credentials import FixedLogin, Login
from easel_mirror.errors import RefusedError
from easel_mirror.registry import Registry
from tests.integration.mirror_world import digest_of

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def nobodys_logins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


class _Guarded(BaseHTTPRequestHandler):
    """A registry that wants a token and keeps its blobs on another host, as most do."""

    protocol_version = "HTTP/1.1"
    blob: ClassVar[bytes] = b"a layer"
    storage: ClassVar[str] = ""
    seen: ClassVar[list[tuple[str, str | None]]] = []

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        host = self.headers["Host"]
        self.seen.append((self.path.partition("?")[0], self.headers.get("Authorization")))
        if self.path.startswith("/token"):
            self._answer(200, {}, json.dumps({"token": "of-today", "expires_in": 300}).encode())
        elif self.path.startswith("/stored"):
            self._answer(200, {}, self.blob)
        elif self.headers.get("Authorization") != "Bearer of-today":
            challenge = f'Bearer realm="http://{host}/token",service="here",scope="x"'
            self._answer(401, {"WWW-Authenticate": challenge}, b"{}")
        else:
            self._answer(307, {"Location": f"http://{self.storage}/stored?signature=x"}, b"")

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def guarded() -> Iterator[str]:
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), _Guarded) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    _Guarded.storage = f"127.0.0.1:{servers[1].server_port}"
    _Guarded.seen.clear()
    yield f"127.0.0.1:{servers[0].server_port}"
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_password_goes_for_a_token_and_nowhere_else(guarded: str) -> None:
    registry = Registry(guarded, FixedLogin(Login("me", "of-mine")))
    response, _ = registry.open_blob("a/b", digest_of(_Guarded.blob), 0)
    assert response.raw.read() == _Guarded.blob
    ways = dict(_Guarded.seen)
    assert str(ways["/token"]).startswith("Basic ")
    assert ways[f"/v2/a/b/blobs/{digest_of(_Guarded.blob)}"] == "Bearer of-today"
    assert ways["/stored"] is None
    registry.open_blob("a/b", digest_of(_Guarded.blob), 0)[0].close()
    assert [path for path, _ in _Guarded.seen].count("/token") == 1
    assert "of-mine" not in repr(FixedLogin(Login("me", "of-mine")))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"WWW-Authenticate": 'Bearer realm="http://tokens.example/"'}, "is not https"),
        ({"WWW-Authenticate": "Negotiate"}, "another login than Basic or Bearer"),
        ({"WWW-Authenticate": 'Basic realm="x"'}, "asks for a password, and none is known"),
        ({"Location": "http://storage.example/x"}, "not https"),
        ({"Location": "ftp://storage.example/x"}, "not https"),
    ],
)
def test_a_way_out_of_https_is_refused(
    guarded: str, monkeypatch: pytest.MonkeyPatch, answer: dict[str, str], message: str
) -> None:
    status = 307 if "Location" in answer else 401
    monkeypatch.setattr(_Guarded, "do_GET", lambda self: self._answer(status, answer, b"{}"))
    with pytest.raises(RefusedError, match=message):
        Registry(guarded, FixedLogin()).open_blob("a/b", digest_of(b""), 0)
