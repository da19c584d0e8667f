"""How many pixels a task's pictures have, told from their headers: what they cost the runtime.

A picture of one colour packs a thousandfold: 0.5 MB of PNG may be 179 million pixels, of which a
runtime holds several copies at 4 bytes each. Pillow tells the size, as it is what the runtimes
decode with: what it makes of a header is what counts. It decodes nothing here.
"""

import base64
import binascii
import io
from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image, ImageFile, UnidentifiedImageError

from easel_agent.fetch import FetchError, FetchLimits
from easel_agent.urls import ContentUrl, Path, find_texts

# Ours are the limits; Pillow's own only warns, and stops at one that is above them.
Image.MAX_IMAGE_PIXELS = None
# ComfyUI reads damaged files as far as they go (node_helpers.py): so a wrong checksum must not hide
# a size from us.
ImageFile.LOAD_TRUNCATED_IMAGES = True

_ICON = b"\x00\x00\x01\x00"
_WITH_FRAMES = ("AVIF", "GIF", "MPO", "PNG", "WEBP")
"""Formats whose frames Pillow counts quickly; ComfyUI's LoadImage decodes all of a file's."""
_MAX_PAGES = 1000
_SHORTEST_TEXT = 16
"""Characters of the shortest picture in base64: the head of a PBM file without its pixels."""
_MAX_TEXTS = 10_000
"""To look at in a task: each takes 0.1 ms."""


class PixelBudget:
    """The rest of one task's pixels."""

    def __init__(self, limits: FetchLimits) -> None:
        self._limits = limits
        self._left = limits.max_total_pixels

    def take(self, data: bytes) -> None:
        """Takes a file's pixels off, where it is a picture.

        Args:
            data: the whole file; one that stands in two places is taken off twice.

        Raises:
            FetchError: the picture has more pixels than one may have, or than are left.
        """
        count = pixels_of(data)
        if count > self._limits.max_pixels:
            raise FetchError(f"has {count} pixels, the limit is {self._limits.max_pixels}")
        self._left -= count
        if self._left < 0:
            raise FetchError(
                f"the task's pictures have more than {self._limits.max_total_pixels} pixels "
                "together"
            )

    def take_inline(self, content: Mapping[str, Any]) -> None:
        """Takes off the pixels of the pictures that stand in a task's content as base64.

        Raises:
            FetchError: they have more than they may have, or there are too many texts to look at;
                the message names the field.
        """
        for path, data in _inline_files(content):
            try:
                self.take(data)
            except FetchError as error:
                raise FetchError(f"{ContentUrl(path, '').field}: {error}") from error


def pixels_of(data: bytes) -> int:
    """Returns how many pixels a picture has, all its frames together.

    Args:
        data: the whole file.

    Returns:
        0 where Pillow knows no picture in it.

    Raises:
        FetchError: the header does not tell.
    """
    if data.startswith(_ICON):
        # The directory says other sizes than the pictures behind it, and Pillow decodes at once.
        raise FetchError("is an icon file, which does not tell its size in front; send a PNG")
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return picture.width * picture.height * _frames(picture, data)
    except UnidentifiedImageError:
        return 0
    except FetchError:
        raise
    except Exception as error:  # whatever its 40 readers raise of a broken header
        raise FetchError(f"cannot be read as a picture: {type(error).__name__}") from error


def _frames(picture: Image.Image, data: bytes) -> int:
    if picture.format == "TIFF":
        return _pages(picture)
    # Counting a GIF's goes through the file; each of them begins with a comma.
    if picture.format not in _WITH_FRAMES or (picture.format == "GIF" and data.count(b",") <= 1):
        return 1
    return max(1, int(getattr(picture, "n_frames", 1)))


def _pages(picture: Image.Image) -> int:
    # Pillow's own count looks for each page among all those before: hours for a million.
    for number in range(1, _MAX_PAGES + 1):
        try:
            picture.seek(number)
        except EOFError:
            return number
    raise FetchError(f"has more than {_MAX_PAGES} pages")


def _inline_files(content: Mapping[str, Any]) -> Iterator[tuple[Path, bytes]]:
    """What a task's texts are as base64, read as the runtimes read it: other letters skipped."""
    looked_at = 0
    for path, text in find_texts(content):
        if len(text) < _SHORTEST_TEXT:
            continue
        looked_at += 1
        if looked_at > _MAX_TEXTS:
            raise FetchError(f"the content has more than {_MAX_TEXTS} texts, prompts left aside")
        try:
            yield path, base64.b64decode(_without_data_url(text))
        except (ValueError, binascii.Error):  # no base64: a runtime does not take it either
            continue


def _without_data_url(text: str) -> str:
    # As SD WebUI does (modules/api/api.py, decode_base64_to_image).
    if not text.startswith("data:image/"):
        return text
    parts = text.split(";", 2)
    return parts[1].split(",", 2)[1] if len(parts) > 1 and "," in parts[1] else text
