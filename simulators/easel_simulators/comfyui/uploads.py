"""``POST /upload/image``: puts a file into a folder, under another name when its own is taken."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote_to_bytes

from easel_simulators.comfyui import responses
from easel_simulators.comfyui.folders import KINDS, Folders, OutsideFolderError
from easel_simulators.server import Request, Response

_TRUE: Final = ("true", "1")


@dataclass(frozen=True)
class Part:
    """One part of a form. ``filename`` is None for a field that is no file."""

    filename: str | None
    data: bytes


def store_image(request: Request, folders: Folders) -> Response:
    """Store the part ``image``; its content is not looked at.

    Raises:
        OSError: The name is too long, or names a folder that is not there: a 500.
    """
    parts = parse_form(request)
    image = parts.get("image")
    if image is None or not image.filename:
        return responses.empty(400)
    kind = _text(parts, "type") or "input"
    subfolder = _text(parts, "subfolder")
    if kind not in KINDS:
        return responses.empty(400)
    try:
        folder = folders.path(kind, subfolder)
        path = folders.path(kind, subfolder, image.filename)
    except (OutsideFolderError, ValueError):
        return responses.empty(400)
    folder.mkdir(parents=True, exist_ok=True)
    if _text(parts, "overwrite") not in _TRUE:
        path = _free_name(path, image.data)
    path.write_bytes(image.data)
    name = str(PurePosixPath(image.filename).with_name(path.name))
    return responses.of_json({"name": name, "subfolder": subfolder, "type": kind})


def _text(parts: dict[str, Part], name: str) -> str:
    part = parts.get(name)
    return part.data.decode("utf-8", "replace") if part else ""


def _free_name(path: Path, data: bytes) -> Path:
    """The path itself, or ``name (1).png`` and so on; the same content keeps its name."""
    candidate, number = path, 0
    while candidate.exists() and candidate.read_bytes() != data:
        number += 1
        candidate = path.with_name(f"{path.stem} ({number}){path.suffix}")
    return candidate


def parse_form(request: Request) -> dict[str, Part]:
    """The parts of a ``multipart/form-data`` body by name (RFC 7578).

    Returns:
        Nothing when the body is no form.
    """
    content_type = request.headers.get("content-type", "")
    found = re.fullmatch(r'multipart/form-data;.*?boundary="?([^";]{1,70})"?.*', content_type)
    if not found:
        return {}
    delimiter = b"\r\n--" + found[1].encode()
    parts = {}
    # The first delimiter has no line's end before it, the last one is followed by "--".
    for piece in (b"\r\n" + request.body).split(delimiter)[1:]:
        head, separator, data = piece.partition(b"\r\n\r\n")
        name = re.search(rb'[; ]name="([^"]*)"', head)
        if piece.startswith(b"--") or not separator or not name:
            continue
        parts[name[1].decode("utf-8", "replace")] = Part(_filename(head), data)
    return parts


def _filename(head: bytes) -> str | None:
    """The name of a part that is a file: plain, or encoded (RFC 8187)."""
    if encoded := re.search(rb"filename\*=[uU][tT][fF]-8''([^;\s]*)", head):
        return unquote_to_bytes(encoded[1]).decode("utf-8", "replace")
    plain = re.search(rb'filename="((?:[^"\\]|\\.)*)"', head)
    if plain is None:
        return None
    return re.sub(rb"\\(.)", rb"\1", plain[1]).decode("utf-8", "replace")
