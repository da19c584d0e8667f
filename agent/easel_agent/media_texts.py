"""Formats that are text: what is JSON, a 3D model, a drawing, a web page."""

import codecs
import json
import re

from easel_agent import media_formats as known
from easel_agent.media_formats import MediaType

_HEAD_BYTES = 64 * 1024
_MAX_PARSED_BYTES = 1024 * 1024
"""Of JSON; a longer one is judged by its two ends."""

_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
"""What the WHATWG's MIME Sniffing calls a binary data byte."""

_PLY = re.compile(rb"ply\r?\n(?:comment[^\n]{0,500}\n|obj_info[^\n]{0,500}\n){0,200}format ")
_RADIANCE = re.compile(rb"#\?(?:RADIANCE|RGBE)\r?\n")

_NUMBER = r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?"
_OBJ_BEGINNING = re.compile(r"(?:#|(?:v[tnp]?|f|o|g|s|l|p|mtllib|usemtl)[ \t])")
_OBJ_VERTEX = re.compile(rf"^v(?:[ \t]+{_NUMBER}){{3}}", re.MULTILINE)
_STL_FACET = re.compile(r"\bfacet\s{1,100}normal\b")

_GLTF_ASSET = re.compile(rb'"asset"\s{0,100}:\s{0,100}\{[^{}]{0,2000}"version"')
_ELEMENT = re.compile(r"</?([A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")


def leading_text_format(data: bytes) -> MediaType | None:
    """Tells formats with a head of text and anything behind it: PLY and Radiance's HDR."""
    head = data[:_HEAD_BYTES]
    if _PLY.match(head):
        return known.PLY
    if _RADIANCE.match(head):
        return known.HDR
    return None


def text_of(data: bytes) -> str | None:
    """Returns the head of a file that is UTF-8 text, None where it is something else.

    Args:
        data: the whole file; its first 64 KiB are looked at.
    """
    head = data[:_HEAD_BYTES]
    if _CONTROL.search(head):
        return None
    try:
        # The cut may go through a letter.
        return codecs.getincrementaldecoder("utf-8")().decode(head, len(data) <= _HEAD_BYTES)
    except UnicodeDecodeError:
        return None


def text_format(text: str, data: bytes) -> MediaType:
    """Tells the format of a text.

    Args:
        text: the head, from `text_of`.
        data: the whole file.

    Returns:
        `TEXT` where it is none in particular, `PAGE` for HTML and XML.
    """
    text = text.lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        return _markup(text)
    if text.startswith(("{", "[")) and _is_json(data):
        return known.GLTF if _is_gltf(data) else known.JSON
    if text.startswith("solid") and _STL_FACET.search(text):
        return known.STL
    if text.startswith("; FBX "):
        return known.FBX
    if _OBJ_BEGINNING.match(text) and _OBJ_VERTEX.search(text):
        return known.OBJ
    return known.TEXT


def _markup(text: str) -> MediaType:
    root = _root_element(text)
    return {"svg": known.SVG, "collada": known.DAE}.get(root, known.PAGE)


def _root_element(text: str) -> str:
    """The first element's name in lower case, without its namespace's prefix."""
    at = 0
    while True:
        rest = re.compile(r"\s*").match(text, at)
        at = rest.end() if rest else at
        if text.startswith("<?", at):
            end = text.find("?>", at)
        elif text.startswith("<!--", at):
            end = text.find("-->", at)
        elif text.startswith("<!", at):
            # A document type may have a subset in brackets, with elements of its own.
            end = text.find(">", at)
            if "[" in text[at:end]:
                end = text.find("]", end)
                end = text.find(">", end) if end >= 0 else end
        else:
            element = _ELEMENT.match(text, at)
            return element[2].lower() if element else ""
        if end < 0:
            return ""
        at = text.index(">", end) + 1


def _is_json(data: bytes) -> bool:
    if len(data) > _MAX_PARSED_BYTES:
        ends = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] + data[-64:].rstrip(b" \t\r\n")[-1:]
        return ends in (b"{}", b"[]")
    try:
        json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    return True


def _is_gltf(data: bytes) -> bool:
    # glTF 2.0 section 3.2: asset.version is required. Its buffers may be megabytes of base64, with
    # the asset before or behind them.
    return any(_GLTF_ASSET.search(part) for part in (data[:_HEAD_BYTES], data[-_HEAD_BYTES:]))
