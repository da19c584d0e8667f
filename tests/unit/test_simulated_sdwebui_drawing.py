"""Drawn pictures: any size, any prompt; noise over those that are half made; padding."""

import base64
import io
import time

import pytest
from PIL import Image, ImageChops, ImageFile, ImageStat

from easel_simulators import pictures
from easel_simulators.drawing import draw, half_made

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("size", [(8, 8), (8, 512), (512, 8), (100, 60)])
@pytest.mark.parametrize("prompt", ["", "A dog", "word " * 500, "x" * 5000, "一只猫", "a\0b\ud800"])
def test_any_prompt_fits_any_size(prompt: str, size: tuple[int, int]) -> None:
    picture = draw(prompt, 1, *size)
    assert (picture.size, picture.mode) == (size, "RGB")


def test_a_drawing_is_repeatable() -> None:
    assert draw("A dog", 5, 64, 64).tobytes() == draw("A dog", 5, 64, 64).tobytes()


def test_noise_gives_way_to_the_picture() -> None:
    picture = draw("A dog", 1, 128, 96)
    away = [
        ImageStat.Stat(ImageChops.difference(half_made(picture, 1, done), picture)).sum[0]
        for done in (0, 0.5, 1)
    ]
    assert away[0] > away[1] > away[2] == 0


def test_a_picture_is_drawn_and_encoded_fast() -> None:
    draw("A dog", 0, 512, 512)  # loads the font
    best = 1.0
    for seed in range(3):
        started = time.perf_counter()
        pictures.encode(draw("A dog", seed, 512, 512), "png", {"parameters": "A dog"})
        best = min(best, time.perf_counter() - started)
    assert best < 0.1


@pytest.mark.parametrize("size", [1, 20_000, 400_000])
def test_padding_reaches_the_size_and_keeps_the_pixels(size: int) -> None:
    picture = draw("A dog", 1, 64, 64)
    png = pictures.encode(picture, "png", {"parameters": "A dog"})
    padded = pictures.padded(png, size)
    assert len(padded) == max(size, len(png))
    opened = Image.open(io.BytesIO(padded))
    assert opened.tobytes() == picture.tobytes()
    assert opened.info["parameters"] == "A dog"


@pytest.mark.parametrize("picture_format", ["jpg", "webp"])
def test_formats_without_text_chunks_carry_it_as_exif(picture_format: str) -> None:
    data = pictures.encode(draw("A dog", 1, 64, 64), picture_format, {"parameters": "A dög"})
    comment = Image.open(io.BytesIO(data)).getexif().get_ifd(0x8769)[0x9286]
    assert comment == b"UNICODE\0" + "A dög".encode("utf-16-be")


def test_broken_pictures_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # The agent, where another test has imported it, sets this for its own process.
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)
    png = pictures.encode(draw("", 1, 64, 64), "png", {})
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n"
    for data in (b"", b"hello", png[:60], png[:-30], eps):
        with pytest.raises(pictures.InvalidPictureError):
            pictures.decode(base64.b64encode(data).decode())


def test_a_picture_that_says_it_is_huge_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    png = pictures.as_base64(pictures.encode(draw("", 1, 64, 64), "png", {}))
    assert pictures.decode(png).size == (64, 64)
    monkeypatch.setattr(pictures, "MAX_PICTURE_PIXELS", 64 * 64 - 1)
    with pytest.raises(pictures.InvalidPictureError):
        pictures.decode(png)
