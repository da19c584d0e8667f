"""The forms of ComfyUI's answers."""

import json
from typing import Final

from easel_simulators.server import Response

BAD_GATEWAY: Final = Response(
    502,
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
    b"<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n",
    "text/html",
)
NOT_FOUND: Final = Response(404, b"", "application/octet-stream")
"""No such path: the answer of the folder with the web pages."""


def of_json(value: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(status, json.dumps(value).encode(), "application/json; charset=utf-8")


def empty(status: int = 200) -> Response:
    """An answer without body and Content-Type."""
    return Response(status, b"", None)


def server_error() -> Response:
    """What every exception in a handler becomes; the connection is closed."""
    return Response(
        500,
        b"500 Internal Server Error\n\nServer got itself in trouble",
        "text/plain; charset=utf-8",
        {"Connection": "close"},
    )


def too_large(max_bytes: int) -> Response:
    """The body is over the server's limit: tried with aiohttp 3.14.5, the recorded server's."""
    text = f"Maximum request body size {max_bytes} exceeded."
    return Response(413, text.encode(), "text/plain; charset=utf-8")


def method_not_allowed(allowed: str) -> Response:
    """The path exists, for other methods."""
    return Response(
        405, b"405: Method Not Allowed", "text/plain; charset=utf-8", {"Allow": allowed}
    )
