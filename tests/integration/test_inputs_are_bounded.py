"""What a URL leads to is fetched within limits, or the task fails and says why (lesson 20)."""

import base64
import io
import socket
import struct
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from unittest.mock import patch

import pytest
from PIL import Image

from easel_agent.errors import RejectedTaskError
from easel_agent.fetch import FetchBudget, FetchError, FetchLimits, fetch_http
from easel_agent.inputs import InputLoader
from easel_agent.media_formats import FILES, PICTURES, MediaKind
from easel_agent.urls import ContentUrl, find_urls

pytestmark = pytest.mark.integration

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


TENANT = "default"
PNG = png()


GLB = b"glTF" + struct.pack("<IIII", 2, 24, 4, 0x4E4F534A) + b"{}  "


def bomb() -> bytes:
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(256)) + packer.flush()


BOMB = bomb()
"""256 KiB of gzip that unpack to 256 MiB."""


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
        side = io.BytesIO()
        Image.new("1", (8000, 8000)).save(side, "PNG")
        self.send(200, side.getvalue(), Content_Type="image/png")

    def answer_loop(self) -> None:
        self.send(302, Location="/loop")

    def answer_redirect(self) -> None:
        self.send(302, Location="/picture")

    def answer_flood(self) -> None:
        self.send(302, Location="/picture", Content_Length="", Connection="close")
        self.drip(bytes(1024 * 1024), 0)

    def answer_bomb(self) -> None:
        self.send(302, BOMB, Location="/picture", Content_Encoding="gzip")
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


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server on loopback under an allowed name, and a name that leads to the metadata service."""
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


@pytest.fixture
def fetch(server: str) -> Callable[[str], bytes]:
    def run(path: str) -> bytes:
        url = path if "://" in path else server + path
        return fetch_http(url, LIMITS, FetchBudget(LIMITS))

    return run


@pytest.mark.parametrize("path", ["/picture", "/picture?signature=secret", "/untyped", "/redirect"])
def test_a_picture_is_fetched(fetch: Callable[[str], bytes], path: str) -> None:
    assert fetch(path) == PNG


@pytest.mark.parametrize("path", ["/flood", "/bomb"])
def test_the_body_of_a_redirect_is_not_read(fetch: Callable[[str], bytes], path: str) -> None:
    tracemalloc.start()
    try:
        assert fetch(path) == PNG
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * 1024 * 1024


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/missing", "answered 404"),
        ("/page", "is text/html, not a picture"),
        ("/packed", "comes compressed (deflate)"),
        ("/huge", "has 209715200 bytes, the limit is 100000"),
        ("/endless", "has more than 100000 bytes"),
        ("/short", "the connection ended early"),
        ("/drip", "took longer than 1.5 s"),
        ("/cut", "took longer than 1.5 s"),
        ("/silent", "took longer than 1.5 s"),
        ("/headers", "took longer than 1.5 s"),
        ("/loop", "redirects more than 5 times"),
        ("/loopback", "127.0.0.1 is not at a public address"),
        ("/metadata", "169.254.169.254 is not at a public address"),
        ("/rebound", "metadata.test is not at a public address"),
        ("/file", "No connection adapters were found"),
        ("http://127.0.0.1:1/", "127.0.0.1 is not at a public address"),
        ("http://localhost:1/", "localhost is not at a public address"),
        ("http://[::1]:1/", "::1 is not at a public address"),
        ("http://0x7f000001:1/", "is not at a public address"),
        ("http://2130706433:1/", "is not at a public address"),
        ("http://metadata.test/", "metadata.test is not at a public address"),
        ("http://user:secret@metadata.test/", "is not at a public address"),
        ("http://no-such-host.invalid/", ""),
        ("http://[/", ""),
        ("/picture?" + "a" * 8192, "is a URL of more than 8192 characters"),
        ("/wide", ""),
        ("/tall", ""),
    ],
)
def test_what_cannot_be_had_is_refused_with_a_reason_in_time(
    fetch: Callable[[str], bytes], path: str, reason: str
) -> None:
    started = time.monotonic()
    with pytest.raises(FetchError) as refused:
        fetch(path)
    assert reason in str(refused.value)
    assert time.monotonic() - started < LIMITS.seconds + 1.5


def loader() -> InputLoader:
    return InputLoader(None, "outputbucket", LIMITS)  # type: ignore[arg-type]


def test_several_are_fetched_at_once_and_each_once(server: str) -> None:
    Handler.hits.clear()
    content = {"init_images": [f"{server}/picture/{n % 3}" for n in range(6)]}
    files = loader().fetch(find_urls(content), TENANT)
    assert files == {f"{server}/picture/{n}": PNG for n in range(3)}
    assert len(Handler.hits) == 3


def test_a_file_is_taken_by_its_content_whatever_its_content_type_says(server: str) -> None:
    url = f"{server}/mesh"
    assert loader().fetch([ContentUrl(("mesh",), url)], TENANT) == {url: GLB}


def test_a_scheme_may_be_in_capitals(fetch: Callable[[str], bytes], server: str) -> None:
    assert fetch(server.replace("http", "HTTP", 1) + "/picture") == PNG


def test_one_file_is_fetched_once_for_all_spellings_and_given_to_each(server: str) -> None:
    Handler.hits.clear()
    spellings = [f"{server}/picture/a%20b", f" {server}/picture/a b\n"]
    assert loader().fetch(find_urls({"images": spellings}), TENANT) == dict.fromkeys(spellings, PNG)
    assert Handler.hits == ["/picture/a%20b"]


@pytest.mark.parametrize("url", ["http://user name@127.0.0.1/a.png", "http://127.0.0.1:1/a b.png"])
def test_a_blank_opens_no_way_to_what_is_not_public(server: str, url: str) -> None:
    del server
    with pytest.raises(RejectedTaskError, match=r"is not at a public address"):
        loader().fetch(find_urls({"init_images": [url]}), TENANT)


@pytest.mark.parametrize(
    ("path", "takes", "reason"),
    [
        ("/liar", FILES, "is text, not a picture, video, sound, 3D model or data"),
        ("/error", FILES, "is JSON, not a picture"),
        ("/mesh", PICTURES, "is a 3D model, not a picture"),
    ],
)
def test_what_does_not_belong_into_a_field_is_refused(
    server: str, path: str, takes: frozenset[MediaKind], reason: str
) -> None:
    with pytest.raises(RejectedTaskError) as refused:
        loader().fetch(find_urls({"mask": server + path}, takes), TENANT)
    assert f"mask: {server}{path} {reason}" in str(refused.value)


def test_the_files_of_a_task_are_bounded_together(server: str) -> None:
    content = {"init_images": [f"{server}/big/1", f"{server}/big/2"]}
    with pytest.raises(RejectedTaskError, match="more than 150000 bytes together"):
        loader().fetch(find_urls(content), TENANT)


def test_every_problem_is_named_with_field_and_url_but_no_secret(server: str) -> None:
    content = {
        "init_images": [f"{server}/missing?signature=secret"],
        "mask": "http://user:secret@metadata.test/mask.png#secret",
        "image": f"{server}/picture",
    }
    with pytest.raises(RejectedTaskError) as refused:
        loader().fetch(find_urls(content), TENANT)
    message = str(refused.value)
    assert f"init_images[0]: {server}/missing answered 404" in message
    assert "mask: http://metadata.test/mask.png metadata.test is not" in message
    assert "secret" not in message
    assert "image:" not in message.replace("init_images", "")


def test_the_places_of_urls_are_counted(server: str) -> None:
    Handler.hits.clear()
    content = {"init_images": [f"{server}/picture"] * 21}
    with pytest.raises(RejectedTaskError, match="has 21 URLs of files, the limit is 20"):
        loader().fetch(find_urls(content), TENANT)
    assert not Handler.hits


def test_the_files_of_a_task_have_one_deadline(server: str) -> None:
    content = {"init_images": [f"{server}/drip/{number}" for number in range(20)]}
    began = time.monotonic()
    with pytest.raises(RejectedTaskError) as refused:
        loader().fetch(find_urls(content), TENANT)
    assert time.monotonic() - began < LIMITS.total_seconds + 1.5
    assert "took longer than 1.5 s" in str(refused.value)
    assert "the task's files took longer than 2.5 s together" in str(refused.value)


def test_a_file_counts_as_often_as_it_stands_there(server: str) -> None:
    Handler.hits.clear()
    content = {"init_images": [f"{server}/big/1"] * 2}
    with pytest.raises(RejectedTaskError, match="more than 150000 bytes together"):
        loader().fetch(find_urls(content), TENANT)
    assert len(Handler.hits) == 1


def test_the_pixels_of_one_url_count_as_often_as_it_stands_there(server: str) -> None:
    content = {"init_images": [f"{server}/square"] * 4}
    assert loader().fetch(find_urls(content), TENANT)
    with pytest.raises(RejectedTaskError, match=r"more than 268435456 pixels together"):
        loader().fetch(find_urls({"init_images": [f"{server}/square"] * 5}), TENANT)


def test_pictures_in_the_content_and_those_of_urls_are_counted_together(server: str) -> None:
    files = loader().fetch(find_urls({"image": f"{server}/square"}), TENANT)
    inline = {"init_images": [base64.b64encode(*files.values()).decode()] * 4}
    pixels = loader().pixels_left(inline)
    with pytest.raises(RejectedTaskError, match="pixels together"):
        loader().fetch(find_urls({"image": f"{server}/square"}), TENANT, pixels)
