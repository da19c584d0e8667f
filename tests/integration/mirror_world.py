"""Registries with something in them, for `easel mirror`; made without any of its code."""

import hashlib
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import requests

ROOT = Path(__file__).resolve().parents[2]
OCI = "application/vnd.oci.image"
HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def put_blob(host: str, repository: str, content: bytes) -> str:
    """Stores a blob in one piece."""
    digest = digest_of(content)
    begun = requests.post(f"http://{host}/v2/{repository}/blobs/uploads/", timeout=60)
    begun.raise_for_status()
    location = begun.headers["Location"]
    separator = "&" if "?" in location else "?"
    url = f"{location}{separator}digest={digest}"
    requests.put(url, data=content, timeout=120).raise_for_status()
    return digest


def has_blob(host: str, repository: str, digest: str) -> bool:
    return requests.head(f"http://{host}/v2/{repository}/blobs/{digest}", timeout=60).ok


def put_manifest(host: str, repository: str, tag: str, body: dict[str, Any]) -> str:
    content = json.dumps(body).encode()
    url = f"http://{host}/v2/{repository}/manifests/{tag or digest_of(content)}"
    headers = {"Content-Type": body["mediaType"]}
    requests.put(url, data=content, headers=headers, timeout=60).raise_for_status()
    return digest_of(content)


def descriptor(media_type: str, content: bytes, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)} | more


@dataclass
class Image:
    """An image that lies in a registry."""

    digest: str
    layers: list[str] = field(default_factory=list)
    bytes: int = 0


def put_image(  # one manifest for each platform, one index above
    host: str,
    repository: str,
    tag: str,
    *,
    layers: int = 2,
    layer_bytes: int = 100_000,
    platforms: tuple[tuple[str, str], ...] = (("linux", "amd64"), ("linux", "arm64")),
    seed: int = 1,
) -> Image:
    """Stores an index of images with random layers, the same for the same seed."""
    children, image = [], Image("")
    for number, (os_name, architecture) in enumerate(platforms):
        config = json.dumps(
            {
                "os": os_name,
                "architecture": architecture,
                "rootfs": {"type": "layers", "diff_ids": []},
            }
        ).encode()
        named = []
        for layer in range(layers):
            content = random.Random(f"{seed}-{number}-{layer}").randbytes(layer_bytes)
            image.layers.append(put_blob(host, repository, content))
            image.bytes += len(content)
            named.append(descriptor(f"{OCI}.layer.v1.tar+gzip", content))
        put_blob(host, repository, config)
        image.bytes += len(config)
        body = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": descriptor(f"{OCI}.config.v1+json", config),
            "layers": named,
        }
        put_manifest(host, repository, "", body)
        platform = {"os": os_name, "architecture": architecture}
        children.append(descriptor(body["mediaType"], json.dumps(body).encode(), platform=platform))
    index = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": children}
    image.digest = put_manifest(host, repository, tag, index)
    return image


def put_artifact(host: str, repository: str, tag: str) -> str:
    """Stores an artifact that is neither image nor chart."""
    config, content = b"{}", b"what a policy engine reads\n" * 100
    for one in (config, content):
        put_blob(host, repository, one)
    body = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "artifactType": "application/vnd.example.policy",
        "config": descriptor("application/vnd.oci.empty.v1+json", config),
        "layers": [descriptor("application/vnd.example.policy.v1+text", content)],
    }
    return put_manifest(host, repository, tag, body)


def mirror_command(target: str, spool: Path, *references: str, verb: str = "--run") -> list[str]:
    """The words of `easel mirror` without an environment."""
    command = [sys.executable, "-m", "easel_cli.main", "mirror", verb, "--to", target]
    command += ["--spool", str(spool), "--json"]
    for reference in references:
        command += ["--image", reference]
    return command


def run_mirror(command: list[str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs it as a person would, without anybody's logins."""
    environment = os.environ | {"HOME": str(folder), "NO_PROXY": "127.0.0.1"} | more
    return subprocess.run(
        command, env=environment, text=True, capture_output=True, check=False, timeout=300
    )


class CountingProxy:
    """A way to a registry that counts what is fetched from it, and breaks as it is told to."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.blob_bytes: Counter[str] = Counter()
        """Bytes of blobs that went through, by digest."""
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.cut_after: dict[str, int] = {}
        """By digest: after how many bytes of it the connection is cut, once."""
        self.refusals: list[tuple[int, dict[str, str]]] = []
        """Statuses and headers that the next GETs of blobs are answered with."""
        self.corrupted: set[str] = set()
        """Digests whose first byte is another one, once."""
        self.always_corrupted: set[str] = set()
        self.cut_uploads = 0
        """How many uploads are cut in the middle."""
        self.keeps_halves = False
        """Whether the registry keeps what has come of these."""
        self.moved: dict[str, str] = {}
        self.bytes_per_second: float | None = None
        self.lock = threading.Lock()

    @contextmanager
    def serving(self) -> Iterator[str]:
        proxy = self

        class Handler(_ProxyHandler):
            owner: ClassVar[CountingProxy] = proxy
            upstream: ClassVar[str] = proxy.upstream

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()

    @property
    def fetched(self) -> set[str]:
        """Digests of blobs of which something was fetched."""
        return set(self.blob_bytes)

    def forget(self) -> None:
        """Counts from the beginning."""
        with self.lock:
            self.blob_bytes.clear()
            self.requests.clear()


class _ProxyHandler(BaseHTTPRequestHandler):
    owner: ClassVar[CountingProxy]
    upstream: ClassVar[str]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def _forward(self) -> None:
        owner = self.owner
        blob = re.search(r"/blobs/(sha256:[0-9a-f]{64})$", self.path)
        digest = blob[1] if blob and self.command == "GET" else ""
        with owner.lock:
            owner.requests.append((self.command, self.path, dict(self.headers)))
            refusal = owner.refusals.pop(0) if digest and owner.refusals else None
        if refusal:
            self.send_response(refusal[0])
            for name, value in ({"Content-Length": "0"} | refusal[1]).items():
                self.send_header(name, value)
            self.end_headers()
            return
        length = int(self.headers.get("Content-Length") or 0)
        with owner.lock:
            cut = self.command == "PATCH" and length > 1 and owner.cut_uploads > 0
            owner.cut_uploads -= cut
        if cut:
            self._cut_upload(length)
            return
        body = self.rfile.read(length) if length else None
        upstream = HTTPConnection(self.upstream, timeout=60)
        path = owner.moved.get(self.path, self.path)
        upstream.request(self.command, path, body=body, headers=dict(self.headers))
        answer = upstream.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            with suppress(OSError):
                self._body(answer, digest)
        upstream.close()

    def _cut_upload(self, length: int) -> None:
        """Passes half of an upload on and breaks the connection.

        Debian's registry drops an upload whose connection breaks; newer ones keep what has come.
        For these the half is a whole request here, and the old address leads to where it goes on.
        """
        half = self.rfile.read(length // 2)
        if self.owner.keeps_halves:
            upstream = HTTPConnection(self.upstream, timeout=60)
            headers = dict(self.headers) | {"Content-Length": str(len(half))}
            upstream.request("PATCH", self.path, body=half, headers=headers)
            address = urlsplit(upstream.getresponse().headers["Location"])
            self.owner.moved[self.path] = f"{address.path}?{address.query}"
            upstream.close()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _body(self, answer: Any, digest: str) -> None:
        owner = self.owner
        sent = 0
        while block := answer.read(65536):
            if digest in owner.corrupted | owner.always_corrupted and not sent:
                owner.corrupted.discard(digest)
                block = bytes([block[0] ^ 1]) + block[1:]
            self.wfile.write(block)
            sent += len(block)
            with owner.lock:
                if digest:
                    owner.blob_bytes[digest] += len(block)
                if digest in owner.cut_after and sent >= owner.cut_after[digest]:
                    del owner.cut_after[digest]
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
            if owner.bytes_per_second:
                threading.Event().wait(len(block) / owner.bytes_per_second)

    do_GET = _forward  # noqa: N815 - the base class's names
    do_HEAD = _forward  # noqa: N815
    do_POST = _forward  # noqa: N815
    do_PATCH = _forward  # noqa: N815
    do_PUT = _forward  # noqa: N815
