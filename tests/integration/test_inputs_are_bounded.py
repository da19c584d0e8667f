"""What a URL leads to is fetched within limits, or the task fails and says why (lesson 20)."""

import base64
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from easel_agent.errors import RejectedTaskError
from easel_agent.fetch import FetchBudget, FetchError, fetch_http
from easel_agent.inputs import InputLoader
from easel_agent.media_formats import FILES, PICTURES, MediaKind
from easel_agent.urls import ContentUrl, find_urls
from tests.integration.picture_server import GLB, LIMITS, PNG, Handler, picture_server

pytestmark = pytest.mark.integration

TENANT = "default"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with picture_server() as url:
        yield url


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
