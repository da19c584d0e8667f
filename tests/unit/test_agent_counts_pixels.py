"""What pictures would cost the runtime is told from their headers, before it has them."""

import base64
import io
import struct
import time
import zlib
from typing import Any

import pytest
from PIL import Image

from easel_agent.errors import RejectedTaskError
from easel_agent.fetch import FetchError, FetchLimits
from easel_agent.inputs import InputLoader
from easel_agent.picture_sizes import PixelBudget, pixels_of

pytestmark = pytest.mark.unit

SIDE = 13376
"""Of the fact's picture: 0.5 MB of PNG, 0.68 GiB decoded; Pillow itself only warns of it."""


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *more: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    rest = chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + rest


def tiff(pages: int) -> bytes:
    tags = {256: 100, 257: 100, 258: 8, 259: 1, 262: 1, 273: 4, 278: 100, 279: 1}
    size = 2 + 12 * len(tags) + 4
    values = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    parts = [b"II*\x00", struct.pack("<I", 8)]
    for page in range(1, pages + 1):
        behind = 8 + page * size if page < pages else 0
        parts += [struct.pack("<H", len(tags)), values, struct.pack("<I", behind)]
    return b"".join(parts)


def gif(frames: int) -> bytes:
    frame = b"\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00"
    return b"GIF89a" + struct.pack("<HH", 100, 100) + bytes(3) + frame * frames + b";"


def saved(name: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(file, name, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "name", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "TGA", "PCX"]
)
def test_every_format_that_runtimes_decode_is_counted(name: str) -> None:
    assert pixels_of(saved(name)) == 60 * 40


@pytest.mark.parametrize(
    ("data", "pixels"),
    [
        (png(SIDE, SIDE), SIDE * SIDE),
        (png(SIDE, SIDE)[:60], SIDE * SIDE),
        (png(SIDE, SIDE, chunk(b"tEXt", b"a\x00b")[:-4] + b"sum?"), SIDE * SIDE),
        (png(1000, 1000, chunk(b"acTL", struct.pack(">II", 5000, 0))), 5001 * 1000 * 1000),
        (saved("WEBP", save_all=True, append_images=[Image.new("RGB", (60, 40))]), 2 * 60 * 40),
        (gif(1), 100 * 100),
        (gif(300), 300 * 100 * 100),
        (tiff(3), 3 * 100 * 100),
        (b"P6\n13376 13376\n255\n", SIDE * SIDE),
        (struct.pack("<BBB9xHHBB", 0, 0, 2, SIDE, SIDE, 24, 0), SIDE * SIDE),
        (b"no picture at all, only words", 0),
        (b"", 0),
    ],
)
def test_the_header_counts_and_every_frame(data: bytes, pixels: int) -> None:
    assert pixels_of(data) == pixels


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (saved("ICO"), "is an icon file"),
        (tiff(1001), "has more than 1000 pages"),
        (
            png(1, 1, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_000_000))) * 70),
            "cannot be read as a picture: ValueError",
        ),
    ],
)
def test_a_header_that_does_not_tell_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(FetchError, match=reason):
        pixels_of(data)


def test_a_hundred_thousand_pages_take_no_time() -> None:
    data = tiff(150_000)
    began = time.process_time()
    with pytest.raises(FetchError, match="pages"):
        pixels_of(data)
    assert time.process_time() - began < 5


def test_one_picture_and_all_together_are_bounded() -> None:
    budget = PixelBudget(FetchLimits(max_pixels=1000, max_total_pixels=2500))
    budget.take(png(10, 100))
    with pytest.raises(FetchError, match="has 1001 pixels, the limit is 1000"):
        budget.take(png(7, 143))
    budget.take(png(10, 100))
    with pytest.raises(FetchError, match="more than 2500 pixels together"):
        budget.take(png(10, 100))


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


BOMB = text(png(SIDE, SIDE))


def pixels_left(content: dict[str, Any]) -> PixelBudget:
    return InputLoader(None, "bucket", FetchLimits()).pixels_left(content)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"init_images": ["", BOMB]}, "init_images[1]"),
        ({"mask": f"data:image/png;base64,{BOMB}"}, "mask"),
        ({"mask": f"data:image/png,;base64,{BOMB}"}, "mask"),
        ({"mask": f"!{BOMB[:9]}\n {BOMB[9:]}"}, "mask"),
        ({"imageList": [{"data": BOMB, "name": "a"}]}, "imageList[0].data"),
        (
            {"alwayson_scripts": {"controlnet": {"args": [{"image": BOMB}]}}},
            "alwayson_scripts.controlnet.args[0].image",
        ),
        ({"image": text(b"P6\n13376 13376\n255\n")}, "image"),
    ],
)
def test_a_bomb_in_the_content_itself_is_refused(content: dict[str, Any], field: str) -> None:
    with pytest.raises(RejectedTaskError) as refused:
        pixels_left(content)
    assert str(refused.value).startswith(f"{field}: has {SIDE * SIDE} pixels, the limit is")


def test_one_picture_many_times_counts_as_often() -> None:
    with pytest.raises(RejectedTaskError, match=r"init_images\[4\]: .*pixels together"):
        pixels_left({"init_images": [text(png(8000, 8000))] * 20})


def test_what_honest_tasks_send_passes_and_counts() -> None:
    words = "a photograph of a cat, masterpiece, best quality, 8k " * 100
    content = {
        "prompt": words,
        "init_images": [text(png(4000, 3000))] * 10,
        "mask": f"data:image/png;base64,{text(png(4000, 3000))}",
        "sampler_name": "DPM++ 2M SDE Heun Karras",
        "override_settings": {
            "sd_model_checkpoint": "v1-5-pruned-emaonly.safetensors [6ce0161689]"
        },
        "styles": ["cinematic, very long name of a style"],
    }
    left = pixels_left(content)
    large = png(8000, 8000)
    left.take(large)
    left.take(large)
    with pytest.raises(FetchError, match="pixels together"):
        left.take(large)  # the honest pictures were counted


def test_texts_to_look_at_are_bounded() -> None:
    began = time.process_time()
    with pytest.raises(RejectedTaskError, match="more than 10000 texts"):
        pixels_left({"args": [f"{number:024}" for number in range(99_000)]})
    assert time.process_time() - began < 10
