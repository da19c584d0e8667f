"""Models of URLs: streamed to the bucket; redirects and addresses checked; broken off."""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from easel_models.errors import TransferError, UsageError
from easel_models.hugging_face import authorization, hub_url
from easel_models.remote_file import Access, RemoteFile
from tests.integration.model_bucket import Bucket, easel_models
from tests.safetensors_files import SD1, SDXL, header, safetensors

pytestmark = pytest.mark.integration

HOST = "127.0.0.1"
FILE = safetensors(SDXL)
_HEAD, _COUNT = header(SD1 | {"filler": (2_000_000,)})
LARGE = _HEAD + bytes(range(256)) * (_COUNT // 256) + bytes(_COUNT % 256)
TOKEN = "hf_of_the_environment"


class Served:
    """A server of files, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        """Path, Range and Authorization of each request."""
        self.paths: Counter[str] = Counter()
        self.broken_after: int | None = None
        """Bytes after which an answer of /large breaks off, once."""
        self.large = LARGE
        self.elsewhere = ""
        """Another host's URL."""
        self.server = ThreadingHTTPServer((HOST, 0), self._handler())
        self.url = f"http://{HOST}:{self.server.server_port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                wanted = self.headers.get("Range", "")
                served.asked.append((path, wanted, self.headers.get("Authorization", "")))
                served.paths[path] += 1
                served.answer(self, path, wanted)

            def log_message(self, *_: object) -> None:
                return

        return Handler

    def answer(self, to: BaseHTTPRequestHandler, path: str, wanted: str) -> None:
        if path.startswith("/owner/"):
            self._redirect(to, f"{self.elsewhere}/file.safetensors", linked=True)
        elif path == "/redirect-inside":
            self._redirect(to, "http://169.254.169.254/latest/meta-data/")
        elif path == "/redirect-for-ever":
            self._redirect(to, "/redirect-for-ever")
        elif path == "/page.safetensors":
            self._send(to, b"<html>sign in</html>", kind="text/html; charset=utf-8")
        elif path == "/busy.safetensors" and self.paths[path] <= 2:
            self._send(to, b"", status=503)
        elif path in ("/file.safetensors", "/busy.safetensors", "/download"):
            self._send(to, FILE, wanted)
        elif path == "/no-ranges.safetensors":
            self._send(to, FILE)
        elif path == "/large.safetensors":
            self._send(to, self.large, wanted, breaks=True)
        else:
            self._send(to, b"no such file", status=404)

    def _redirect(self, to: BaseHTTPRequestHandler, url: str, *, linked: bool = False) -> None:
        to.send_response(302)
        to.send_header("Location", url)
        if linked:
            to.send_header("X-Linked-ETag", f'"{hashlib.sha256(FILE).hexdigest()}"')
        to.send_header("Content-Length", "0")
        to.end_headers()

    def _send(
        self,
        to: BaseHTTPRequestHandler,
        content: bytes,
        wanted: str = "",
        *,
        status: int = 200,
        kind: str = "application/octet-stream",
        breaks: bool = False,
    ) -> None:
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        body = content
        if wanted and to.headers.get("If-Range", etag) == etag:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            begin, end = int(first), min(int(last or len(content)), len(content) - 1)
            body, status = content[begin : end + 1], 206
        to.send_response(status)
        to.send_header("Content-Type", kind)
        to.send_header("ETag", etag)
        to.send_header("Content-Length", str(len(body)))
        if status == 206:
            to.send_header("Content-Range", f"bytes {begin}-{end}/{len(content)}")
        to.end_headers()
        # Not the first look, which wants 64 KiB.
        if breaks and self.broken_after and len(body) > self.broken_after:
            body, self.broken_after = body[: self.broken_after], None
            to.close_connection = True
        to.wfile.write(body)


@pytest.fixture
def served() -> Iterator[Served]:
    first, second = Served(), Served()
    # Another name of the same machine: another origin.
    first.elsewhere = f"http://localhost:{second.server.server_port}"
    for one in (first, second):
        threading.Thread(target=one.server.serve_forever, daemon=True).start()
    first.second = second  # type: ignore[attr-defined]
    yield first
    for one in (first, second):
        one.server.shutdown()
        one.server.server_close()


def access(**more: object) -> Access:
    waits: Callable[[float], None] = lambda _: None  # noqa: E731
    settings: dict[str, object] = {"allowed_hosts": frozenset({HOST, "localhost"}), "wait": waits}
    return Access(**(settings | more))  # type: ignore[arg-type]


def whole(file: RemoteFile) -> bytes:
    return b"".join(file.chunks())


def test_a_url_is_streamed_to_the_bucket_and_named_by_its_content(
    bucket: Bucket, served: Served, tmp_path: Path
) -> None:
    url = f"{served.url}/download?token=secret"
    before = set(tmp_path.rglob("*"))
    done = easel_models(bucket, "upload", url, "--allow-host", HOST, TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert bucket.keys() == ["Stable-diffusion/download.safetensors"]
    assert bucket.get("Stable-diffusion/download.safetensors")["Body"].read() == FILE
    digest = hashlib.sha256(FILE).hexdigest()
    assert bucket.tags("Stable-diffusion/download.safetensors") == {"easel:sha256": digest}
    assert set(tmp_path.rglob("*")) == before
    assert "secret" not in done.stdout + done.stderr


def test_a_private_address_is_refused_with_what_allows_it(bucket: Bucket, served: Served) -> None:
    done = easel_models(bucket, "upload", f"{served.url}/file.safetensors", "--sha256", "0" * 64)
    assert done.returncode == 2
    assert "not at a public address" in done.stderr
    assert "--allow-host" in done.stderr
    assert served.asked == []


def test_a_redirect_into_the_network_is_refused(served: Served) -> None:
    with pytest.raises(UsageError, match=r"not at a public address|can be changed on its way"):
        RemoteFile(f"{served.url}/redirect-inside", access(plain_http=True))
    assert len(served.asked) == 1


def test_redirects_end(served: Served) -> None:
    with pytest.raises(UsageError, match="redirects more than 5 times"):
        RemoteFile(f"{served.url}/redirect-for-ever", access())


def test_plain_http_wants_a_sha256() -> None:
    with pytest.raises(UsageError, match="--sha256"):
        RemoteFile("http://models.example/a.safetensors", Access())
    for url in ("file:///etc/passwd", "ftp://models.example/a", "https://"):
        with pytest.raises(UsageError, match="no https:// URL"):
            RemoteFile(url, Access())


def test_a_token_goes_to_its_own_host_alone_and_the_hubs_sha256_is_known(served: Served) -> None:
    environment = {"HF_ENDPOINT": served.url, "HF_TOKEN": TOKEN}
    url = hub_url("owner/repo/sub/file.safetensors", "main", environment)
    assert url == f"{served.url}/owner/repo/resolve/main/sub/file.safetensors"
    file = RemoteFile(url, access(authorization=authorization(environment)))
    assert whole(file) == FILE
    assert file.sha256 == hashlib.sha256(FILE).hexdigest()
    assert {secret for _, _, secret in served.asked} == {f"Bearer {TOKEN}"}
    second: Served = served.second  # type: ignore[attr-defined]
    assert second.asked
    assert {secret for _, _, secret in second.asked} == {""}
    assert TOKEN not in repr(access(authorization=authorization(environment)))


@pytest.mark.parametrize("name", ["repo/file", "a/b/../../c", "/a/b/c", "a/b/", "a b/c/d"])
def test_another_form_of_a_hubs_file_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="OWNER/REPO/FILE"):
        hub_url(name, "main", {})


def test_a_server_that_breaks_off_is_asked_for_the_rest(served: Served) -> None:
    served.broken_after = 3_000_000
    file = RemoteFile(f"{served.url}/large.safetensors", access())
    assert whole(file) == LARGE
    ranges = [wanted for _, wanted, _ in served.asked]
    assert ranges == ["bytes=0-65535", "", "bytes=3000000-"]


def test_a_file_that_changes_meanwhile_is_no_file(served: Served) -> None:
    file = RemoteFile(f"{served.url}/large.safetensors", access())
    served.broken_after = 3_000_000
    pieces = file.chunks()
    next(pieces)
    served.large = LARGE[::-1]
    with pytest.raises(TransferError, match="changed while it was read"):
        list(pieces)


def test_a_busy_server_is_asked_again_and_a_missing_file_is_not(served: Served) -> None:
    assert whole(RemoteFile(f"{served.url}/busy.safetensors", access())) == FILE
    with pytest.raises(UsageError, match="404"):
        RemoteFile(f"{served.url}/gone.safetensors", access())
    assert served.paths["/gone.safetensors"] == 1


def test_a_web_page_is_no_model(served: Served) -> None:
    with pytest.raises(UsageError, match="a web page"):
        RemoteFile(f"{served.url}/page.safetensors", access())


def test_a_server_without_ranges_serves_too(served: Served) -> None:
    file = RemoteFile(f"{served.url}/no-ranges.safetensors", access())
    assert file.size == len(FILE)
    assert file.read_range(8, 1) == b"{"
    assert whole(file) == FILE


def test_a_file_larger_than_allowed_is_refused(bucket: Bucket, served: Served) -> None:
    url = f"{served.url}/large.safetensors"
    options = ("--allow-host", HOST, "--max-gib", "0.001")
    done = easel_models(bucket, "upload", url, *options)
    assert done.returncode == 2
    assert "--max-gib" in done.stderr
    assert bucket.keys() == []


def test_a_file_of_the_hub_that_is_not_what_it_says_is_not_kept(
    bucket: Bucket, served: Served
) -> None:
    second: Served = served.second  # type: ignore[attr-defined]
    url = f"{second.url}/file.safetensors"
    options = ("--allow-host", HOST, "--sha256", "ab" * 32)
    done = easel_models(bucket, "upload", url, *options)
    assert done.returncode == 1
    assert hashlib.sha256(FILE).hexdigest() in done.stderr
    assert bucket.keys() == []
    assert bucket.unfinished_parts() == []
