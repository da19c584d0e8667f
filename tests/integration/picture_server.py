"""A server of pictures that answers each path in another way, and what reads it within limits."""

import functools
import io
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from unittest.mock import patch

from PIL import Image

from easel_agent.fetch import FetchLimits

LIMITS = FetchLimits(
    max_bytes=100_000,
    max_total_bytes=150_000,
    seconds=1.5,
    total_seconds=2.5,
    max_urls=20,
    allowed_hosts={"pictures.test"},
)


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "PNG")
    return file.getvalue()


PNG = png()


GLB = b"glTF" + struct.pack("<IIII", 2, 24, 4, 0x4E4F534A) + b"{}  "


@functools.cache
def square() -> bytes:
    """Of 64 million pixels; made once: on a busy machine that takes longer than a file may take."""
    file = io.BytesIO()
    Image.new("1", (8000, 8000)).save(file, "PNG")
    return file.getvalue()


@functools.cache
def bomb() -> bytes:
    """256 KiB of gzip that unpack to 256 MiB."""
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(256)) + packer.flush()


class Handler(BaseHTTPRequestHandler):
    """Answers each path in another way."""

    protocol_version = "HTTP/1.1"
    hits: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        Handler.hits.append(self.path)
        name = self.path.partition("?")[0].strip("/").partition("/")[0]
        getattr(self, f"answer_{name}", self.answer_missing)()

    def log_message(self, *_: Any) -> None: ...

    def send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for key, value in ({"Content_Length": str(len(body))} | headers).items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def answer_missing(self) -> None:
        self.send(404)

    def answer_picture(self) -> None:
        self.send(200, PNG, Content_Type="image/png")

    def answer_untyped(self) -> None:
        self.send(200, PNG)

    def answer_page(self) -> None:
        self.send(200, b"<html>", Content_Type="text/html")

    def answer_liar(self) -> None:
        self.send(200, b"hello, I am no picture", Content_Type="image/png")

    def answer_mesh(self) -> None:
        self.send(200, GLB, Content_Type="text/plain; charset=utf-8")

    def answer_error(self) -> None:
        self.send(200, b'{"error": "gone"}', Content_Type="image/png")

    def answer_packed(self) -> None:
        self.send(200, zlib.compress(PNG), Content_Type="image/png", Content_Encoding="deflate")

    def answer_big(self) -> None:
        self.send(200, PNG + bytes(90_000 - len(PNG)), Content_Type="image/png")

    def answer_huge(self) -> None:
        self.send(200, Content_Type="image/png", Content_Length="209715200")

    def answer_short(self) -> None:
        self.send(200, PNG, Content_Type="image/png", Content_Length=str(len(PNG) + 10))
        self.close_connection = True

    def answer_endless(self) -> None:
        self.send(200, PNG, Content_Type="image/png", Content_Length="", Connection="close")
        self.drip(bytes(65536), 0)

    def answer_drip(self) -> None:
        self.send(200, PNG, Content_Type="image/png", Content_Length="99999")
        self.drip(b"x", 0.05)

    def answer_silent(self) -> None:
        time.sleep(LIMITS.seconds + 1)

    def answer_headers(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self.drip(b"X-A: b\r\n", 0.05)

    def answer_wide(self) -> None:
        self.send(200, PNG, X_Wide="a" * 70_000)

    def answer_tall(self) -> None:
        self.send(200, PNG, **{f"X_Tall_{number}": "a" for number in range(200)})

    def answer_square(self) -> None:
        self.send(200, square(), Content_Type="image/png")

    def answer_loop(self) -> None:
        self.send(302, Location="/loop")

    def answer_redirect(self) -> None:
        self.send(302, Location="/picture")

    def answer_flood(self) -> None:
        self.send(302, Location="/picture", Content_Length="", Connection="close")
        self.drip(bytes(1024 * 1024), 0)

    def answer_bomb(self) -> None:
        self.send(302, bomb(), Location="/picture", Content_Encoding="gzip")
        self.close_connection = True

    def answer_cut(self) -> None:
        self.send(200, PNG, Content_Type="image/png", Content_Length="", Connection="close")
        self.drip(b"", 0.05)

    def answer_loopback(self) -> None:
        self.send(302, Location=f"http://127.0.0.1:{self.server.server_port}/picture")  # type: ignore[attr-defined]

    def answer_metadata(self) -> None:
        self.send(302, Location="http://169.254.169.254/latest/meta-data/")

    def answer_rebound(self) -> None:
        self.send(302, Location="http://metadata.test/latest/meta-data/")

    def answer_file(self) -> None:
        self.send(302, Location="file:///etc/passwd")

    def drip(self, data: bytes, pause: float) -> None:
        deadline = time.monotonic() + LIMITS.seconds + 3
        try:
            while time.monotonic() < deadline:
                self.wfile.write(data)
                time.sleep(pause)
        except OSError:
            pass  # the client has gone, as it should
        self.close_connection = True


RESOLVED = {"pictures.test": "127.0.0.1", "metadata.test": "169.254.169.254"}


@contextmanager
def picture_server() -> Iterator[str]:
    """A server on loopback under an allowed name, and a name that leads to the metadata service."""
    square()
    bomb()
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    real = socket.getaddrinfo

    def resolve(host: str, *arguments: Any, **options: Any) -> Any:
        return real(RESOLVED.get(host, host), *arguments, **options)

    with patch.object(socket, "getaddrinfo", resolve):
        yield f"http://pictures.test:{http.server_port}"
    http.shutdown()
    http.server_close()
