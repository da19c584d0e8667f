"""``GET /view``: a file of a folder, whole, in part, or converted for a preview."""

import io
import mimetypes
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from PIL import Image

from easel_simulators.comfyui import responses
from easel_simulators.comfyui.folders import (
    KINDS,
    Folders,
    OutsideFolderError,
    without_annotation,
)
from easel_simulators.server import Request, Response

_PREVIEW_FORMATS: Final = {"webp": "WEBP", "jpeg": "JPEG"}
_DEFAULT_QUALITY: Final = 90
_OCTETS: Final = "application/octet-stream"
_RUN_BY_BROWSERS: Final = (
    "text/html",
    "text/html-sandboxed",
    "application/xhtml+xml",
    "text/javascript",
    "text/css",
)
"""Told as octets (ComfyUI's server.py, view_image; SVG is not among them in 0.8.0)."""
mimetypes.add_type("image/webp", ".webp")


def file_of(request: Request, folders: Folders) -> Response:
    """Answer with the file that the query names (ComfyUI's server.py, view_image).

    Raises:
        ValueError: The name holds a null byte: a 500.
    """
    query = request.query
    if "filename" not in query:
        return responses.empty(404)
    filename, annotated = without_annotation(query["filename"])
    kind = annotated or query.get("type", "output")
    if not filename or filename.startswith("/") or ".." in filename or kind not in KINDS:
        return responses.empty(400)
    try:
        path = folders.path(kind, query.get("subfolder", ""), Path(filename).name)
    except OutsideFolderError:
        return responses.empty(403)
    # pathlib's own raises for a name that is too long.
    if not os.path.isfile(path):  # noqa: PTH113
        return responses.empty(404)
    headers = {"Content-Disposition": f'filename="{path.name}"'}
    converted = _converted(path, query)
    if converted is not None:
        data, content_type = converted
        return Response(200, data, content_type, headers)
    content_type = mimetypes.guess_type(path.name)[0] or _OCTETS
    if content_type in _RUN_BY_BROWSERS:
        content_type = _OCTETS
    return _in_part(request, path.read_bytes(), content_type, headers)


def _converted(path: Path, query: Mapping[str, str]) -> tuple[bytes, str] | None:
    """A preview (``preview=webp;50``) or one channel (``channel=rgb``), when asked for."""
    buffer = io.BytesIO()
    if "preview" in query:
        name, _, quality = query["preview"].partition(";")
        name = name if name in _PREVIEW_FORMATS else "webp"
        with Image.open(path) as picture:
            picture.convert("RGB").save(
                buffer,
                _PREVIEW_FORMATS[name],
                quality=int(quality) if quality.isdecimal() else _DEFAULT_QUALITY,
            )
        return buffer.getvalue(), f"image/{name}"
    channel = query.get("channel")
    if channel not in ("rgb", "a"):
        return None
    with Image.open(path) as picture:
        if channel == "rgb":
            picture.convert("RGB").save(buffer, "PNG")
        else:
            picture.convert("RGBA").getchannel("A").save(buffer, "PNG")
    return buffer.getvalue(), "image/png"


def _in_part(request: Request, data: bytes, content_type: str, headers: dict[str, str]) -> Response:
    headers = {**headers, "Accept-Ranges": "bytes"}
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if not found:
        return Response(200, data, content_type, headers)
    first = int(found[1])
    last = min(int(found[2] or len(data) - 1), len(data) - 1)
    if first > last:
        return Response(416, b"", content_type, {"Content-Range": f"bytes */{len(data)}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
    return Response(206, data[first : last + 1], content_type, headers)
