"""Pictures for tasks to begin with, put where a stack's agents reach them."""

import io
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image

from easel_cli.aws_clients import AwsClients
from easel_simulators.server import Request, Response
from tests.rigs.http_server import http_server

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

    def answer(request: Request) -> Response:
        found = request.path == "/cat.png"
        return Response(200 if found else 404, cat() if found else b"", "image/png")

    with http_server(answer) as at:
        yield InputPictures(f"{at}/cat.png", f"{at}/missing.png")


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
