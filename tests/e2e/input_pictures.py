"""Pictures for tasks to begin with, put where a stack's agents reach them."""

import io
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

from easel_cli.aws_clients import AwsClients

CAT_SIZE = (128, 96)
_LINK_SECONDS = 12 * 3600
"""Of a link to an uploaded picture: longer than any run of the tests."""


@dataclass(frozen=True)
class InputPictures:
    """Web addresses that agents may fetch.

    Attributes:
        cat: of a PNG of `CAT_SIZE`.
        missing: of nothing.
    """

    cat: str
    missing: str


def cat() -> bytes:
    """A picture, in place of the sample's."""
    file = io.BytesIO()
    Image.linear_gradient("L").resize(CAT_SIZE).convert("RGB").save(file, "PNG")
    return file.getvalue()


@contextmanager
def on_this_machine() -> Iterator[InputPictures]:
    """A server of this machine's own; a local stack's agents may reach it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/cat.png" else 404)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(cat() if self.path == "/cat.png" else b"")

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        at = f"http://127.0.0.1:{server.server_port}"
        yield InputPictures(f"{at}/cat.png", f"{at}/missing.png")
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def uploaded(clients: AwsClients, bucket: str) -> Iterator[InputPictures]:
    """Links to objects of the stack's bucket, as public as any web address and of limited time."""
    folder = f"e2e-inputs/{secrets.token_hex(6)}"
    clients.s3.put_object(
        Bucket=bucket, Key=f"{folder}/cat.png", Body=cat(), ContentType="image/png"
    )

    def link(name: str) -> str:
        return clients.s3.generate_presigned_url(
            "get_object",
            Params={"Bucket": bucket, "Key": f"{folder}/{name}"},
            ExpiresIn=_LINK_SECONDS,
        )

    try:
        yield InputPictures(link("cat.png"), link("missing.png"))
    finally:
        clients.s3.delete_object(Bucket=bucket, Key=f"{folder}/cat.png")
