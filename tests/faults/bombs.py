"""Tasks that would cost an agent or its runtime far more than they look, and the host behind them.

They are what the attack of November 2026 found, and neighbours of it.
"""

import base64
import functools
import io
import json
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

MIB = 1024 * 1024
_REQUEST_BYTES = 5 * MIB
_DRIP_SECONDS = 20.0
SIDE = 13376
"""Of a picture that Pillow only warns of, and that takes 0.7 GiB."""


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_head(width: int, height: int, *more: bytes) -> bytes:
    """A PNG without most of its pixels."""
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    rest = _chunk(b"IDAT", zlib.compress(bytes(100))) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + rest


def _packed(count: int) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(count)) + packer.flush()


def _gif(frames: int) -> bytes:
    frame = b"\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00"
    return b"GIF89a" + struct.pack("<HH", 8000, 8000) + bytes(3) + frame * frames + b";"


def _one_colour() -> bytes:
    file = io.BytesIO()
    Image.new("1", (8000, 8000)).save(file, "PNG")
    return file.getvalue()


@functools.cache
def _files() -> dict[str, bytes]:
    return {
        "wide-and-high": png_head(SIDE, SIDE),
        "square": _one_colour(),
        "animated": png_head(4000, 4000, _chunk(b"acTL", struct.pack(">II", 5000, 0))),
        "gif": _gif(10_000),
        "texts": png_head(9, 9, _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_000_000))) * 70),
    }


@functools.cache
def _gzip() -> bytes:
    return _packed(512)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        name = self.path.strip("/").partition("/")[0]
        try:
            if name in _files():
                self._send(200, _files()[name])
            else:
                getattr(self, f"answer_{name}")()
        except OSError:
            pass  # the client has gone, as it should
        self.close_connection = True

    def answer_packed_redirect(self) -> None:
        self._send(302, _gzip(), Location="/square", Content_Encoding="gzip")

    def answer_endless_redirect(self) -> None:
        self._send(302, Location="/loop", Content_Length="")
        self._go_on(bytes(MIB), 0)

    def answer_loop(self) -> None:
        self._send(302, Location="/loop")

    def answer_packed(self) -> None:
        self._send(200, _gzip(), Content_Encoding="gzip")

    def answer_endless(self) -> None:
        self._send(200, Content_Length="")
        self._go_on(bytes(MIB), 0)

    def answer_announced(self) -> None:
        self._send(200, Content_Length=str(100_000 * MIB))

    def answer_drip(self) -> None:
        self._send(200, Content_Length="999999")
        self._go_on(b"x", 0.05)

    def answer_silence(self) -> None:
        time.sleep(_DRIP_SECONDS / 4)

    def answer_dripping_head(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self._go_on(b"X-A: b\r\n", 0.05)

    def answer_long_header(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-A: ")
        self._go_on(b"a" * MIB, 0)

    def answer_many_headers(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self._go_on(b"X-A: b\r\n" * 10_000, 0)

    def _send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for key, value in ({"Content_Length": str(len(body))} | headers).items():
            if value:
                self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _go_on(self, data: bytes, pause: float) -> None:
        end = time.monotonic() + _DRIP_SECONDS
        while time.monotonic() < end:
            self.wfile.write(data)
            time.sleep(pause)


@contextmanager
def hostile_host() -> Iterator[str]:
    """A web host on loopback that serves every kind; gives its URL."""
    # Made now, not at a request: that takes seconds, which a file may not take.
    _files()
    _gzip()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def bombs(host: str) -> dict[str, tuple[dict[str, Any], str]]:
    """Every kind that fits into a message: its content, and what its callback must say."""

    def url(path: str) -> dict[str, Any]:
        return {"init_images": [f"{host}/{path}"]}

    picture = base64.b64encode(png_head(SIDE, SIDE)).decode()
    netpbm = base64.b64encode(b"P6\n8000 8000\n255\n").decode()
    return {
        "packed redirect": (
            {"init_images": [f"{host}/packed_redirect"] * 5},
            "pixels together",
        ),
        "endless redirect": (url("endless_redirect"), "redirects more than 5 times"),
        "redirects in a circle": (url("loop"), "redirects more than 5 times"),
        "packed body": (url("packed"), "comes compressed"),
        "endless body": (url("endless"), "has more than"),
        "announced size": (url("announced"), "the limit is"),
        "drip": (url("drip"), "took longer than"),
        "silence": (url("silence"), "took longer than"),
        "dripping head": (url("dripping_head"), "init_images[0]"),
        "long header": (url("long_header"), "init_images[0]"),
        "many headers": (url("many_headers"), "init_images[0]"),
        "picture of one colour": (url("wide-and-high"), "pixels, the limit is"),
        "one picture twenty times": ({"init_images": [f"{host}/square"] * 20}, "pixels together"),
        "animation": (url("animated"), "pixels, the limit is"),
        "gif of many frames": (url("gif"), "pixels, the limit is"),
        "packed texts in a picture": (url("texts"), "cannot be read as a picture"),
        "many URLs": ({"init_images": [f"{host}/{n}" for n in range(65)]}, "the limit is 64"),
        "many drips": (
            {"init_images": [f"{host}/drip/{number}" for number in range(64)]},
            "took longer than",
        ),
        "picture in the content": ({"mask": picture}, "pixels, the limit is"),
        "many pictures in the content": ({"args": [netpbm] * 200}, "pixels together"),
        "long URL": (url("a" * 100_000), "is a URL of more than 8192 characters"),
    }


def large_bombs() -> dict[str, tuple[bytes, str]]:
    """Kinds that need as much as a request may have: its JSON, and the callback's words."""
    lists = b"[]," * ((_REQUEST_BYTES - 100) // 3)
    texts = json.dumps([f"{number:020}" for number in range(90_000)]).encode()
    return {
        "many lists": (b'{"args": [' + lists + b"0]}", "more than 100000 values"),
        "depth": (b'{"args": ' + b"[" * _REQUEST_BYTES, "more than 100000 values"),
        "many texts": (b'{"args": ' + texts + b"}", "more than 10000 texts"),
        "blanks": (
            b'{"mask": "http://a' + b" " * (_REQUEST_BYTES - 100) + b'b"}',
            "is a URL of more than",
        ),
    }
