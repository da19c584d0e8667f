"""Paints what a generation hands out: a drawing, over an initial picture for image-to-image."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageOps

from easel_simulators import drawing, pictures
from easel_simulators.sdwebui.sampling import Sampling

_RESIZE_CROP, _RESIZE_FILL = 1, 2
_MAX_SIZES = 16


@dataclass(frozen=True)
class Initial:
    """What image-to-image starts from: one picture for all, or one for each of a batch."""

    pictures: Sequence[Image.Image]
    mask: Image.Image | None
    """Greyscale: only where it is white may the picture change."""
    resize_mode: int


class Painter:
    """Paints and encodes pictures."""

    def paint(
        self, sampling: Sampling, index: int, initial: Initial | None, variant: str
    ) -> Image.Image:
        """Paint picture number ``index`` of a generation, in the size it asks for.

        ``variant`` stands for everything else that the picture depends on.
        """
        prompt, seed = sampling.prompts[index], sampling.seed_of(index)
        picture = drawing.draw(prompt, seed, *sampling.size, variant)
        if initial is None:
            return picture
        start = initial.pictures[index % sampling.batch_size % len(initial.pictures)]
        start = _resized(start, sampling.size, initial.resize_mode)
        strength = min(max(sampling.denoising_strength or 0.0, 0.0), 1.0)
        blended = Image.blend(start, picture, strength)
        if initial.mask is None:
            return blended
        mask = _resized(initial.mask, sampling.size, initial.resize_mode)
        return Image.composite(blended, start, mask)

    def encode(self, picture: Image.Image, picture_format: str, infotext: str | None) -> str:
        """Encode a picture as the answer carries it: a file in base64.

        Args:
            picture: What to encode.
            picture_format: A key of ``pictures.ENCODED_FORMATS``.
            infotext: Goes into the PNG chunk ``parameters``; None writes none.
        """
        return pictures.as_base64(pictures.encode(picture, picture_format, _texts(infotext)))


class BenchmarkPainter(Painter):
    """Hands out one PNG for each size, painted once: answers then cost next to no time."""

    def __init__(self, picture_bytes: int) -> None:
        """Choose the size of the PNG files, in bytes; a picture that needs more gets more."""
        self._picture_bytes = picture_bytes
        self._pictures: dict[tuple[int, int], Image.Image] = {}
        self._encoded: dict[tuple[int, int, str], str] = {}

    def paint(
        self, sampling: Sampling, index: int, initial: Initial | None, variant: str
    ) -> Image.Image:
        """Paint the first picture of a size; hand it out again for every other."""
        if sampling.size not in self._pictures:
            if len(self._pictures) == _MAX_SIZES:
                self._pictures.clear()
                self._encoded.clear()
            self._pictures[sampling.size] = super().paint(sampling, index, initial, variant)
        return self._pictures[sampling.size]

    def encode(self, picture: Image.Image, picture_format: str, infotext: str | None) -> str:
        """Encode the first picture of a size and format; hand that out for every other."""
        key = (*picture.size, picture_format)
        encoded = self._encoded.get(key)  # one look: pictures are encoded by many threads at once
        if encoded is None:
            data = pictures.encode(picture, picture_format, _texts(infotext))
            if picture_format == "png":
                data = pictures.padded(data, self._picture_bytes)
            encoded = self._encoded[key] = pictures.as_base64(data)
        return encoded


def _texts(infotext: str | None) -> dict[str, str]:
    return {} if infotext is None else {"parameters": infotext}


def _resized(picture: Image.Image, size: tuple[int, int], mode: int) -> Image.Image:
    if mode == _RESIZE_CROP:
        return ImageOps.fit(picture, size)
    if mode == _RESIZE_FILL:
        return ImageOps.pad(picture, size)
    return picture.resize(size, Image.Resampling.LANCZOS)
