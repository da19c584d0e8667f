"""Draws the pictures: the same prompt, seed and size give the same pixels, others differ.

A gradient and a few shapes, chosen by a hash of prompt and seed, with the prompt written on them
so that a person sees at a glance which task a picture belongs to.
"""

import hashlib
import math
import random
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont, ImageOps

SHAPES = 6
MAX_CAPTION_CHARACTERS = 400
SMALLEST_FONT_PIXELS = 8
NOISE_BLOCK_PIXELS = 8
"""A side of one latent pixel of Stable Diffusion, in picture pixels."""

Rgb = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw(prompt: str, seed: int, width: int, height: int, variant: str = "") -> Image.Image:
    """Draw the picture of a prompt.

    Args:
        prompt: Written on the picture, wrapped and, when very long, cut.
        seed: Chooses colours and shapes together with the prompt.
        width: Pixels.
        height: Pixels.
        variant: Chooses colours and shapes too, for whatever else the picture depends on.

    Returns:
        An RGB picture of exactly that size.
    """
    rng = _generator(f"{variant}:{prompt}" if variant else prompt, seed)
    picture = _gradient(rng, width, height)
    _draw_shapes(picture, rng)
    _write_caption(picture, " ".join(prompt.split()))
    return picture


def half_made(picture: Image.Image, seed: int, fraction: float) -> Image.Image:
    """Cover a picture with the noise that an interrupted generation leaves.

    Args:
        picture: The picture as it would have become.
        seed: Chooses the noise.
        fraction: How much of the generation was done, from 0 to 1.

    Returns:
        A picture of the same size: all noise at 0, the picture itself at 1.
    """
    width = math.ceil(picture.width / NOISE_BLOCK_PIXELS)
    height = math.ceil(picture.height / NOISE_BLOCK_PIXELS)
    blocks = _generator("noise", seed).randbytes(width * height * 3)
    noise = Image.frombytes("RGB", (width, height), blocks)
    noise = noise.resize(picture.size, Image.Resampling.NEAREST)
    return Image.blend(noise, picture, fraction)


def _generator(text: str, seed: int) -> random.Random:
    digest = hashlib.sha256(f"{seed}:{text}".encode("utf-8", "surrogatepass")).digest()
    return random.Random(digest)  # noqa: S311 - repeatable on purpose, nothing secret


def _colour(rng: random.Random, darkest: int, lightest: int) -> Rgb:
    return (
        rng.randint(darkest, lightest),
        rng.randint(darkest, lightest),
        rng.randint(darkest, lightest),
    )


def _gradient(rng: random.Random, width: int, height: int) -> Image.Image:
    ramp = Image.linear_gradient("L").rotate(rng.choice((0, 90, 180, 270)))
    ramp = ramp.resize((width, height), Image.Resampling.BILINEAR)
    return ImageOps.colorize(ramp, _colour(rng, 0, 120), _colour(rng, 110, 255))


def _draw_shapes(picture: Image.Image, rng: random.Random) -> None:
    canvas = ImageDraw.Draw(picture)
    longest = max(picture.size)
    for _ in range(SHAPES):
        x, y = rng.uniform(0, picture.width), rng.uniform(0, picture.height)
        radius = longest * rng.uniform(0.04, 0.22)
        box = (x - radius, y - radius, x + radius, y + radius)
        colour = _colour(rng, 30, 255)
        shape = rng.choice(("ellipse", "rectangle", "ring", "polygon"))
        if shape == "ellipse":
            canvas.ellipse(box, fill=colour)
        elif shape == "rectangle":
            canvas.rectangle(box, fill=colour)
        elif shape == "ring":
            canvas.ellipse(box, outline=colour, width=max(1, int(radius / 5)))
        else:
            canvas.regular_polygon(
                (x, y, radius), rng.randint(3, 7), rotation=rng.randrange(360), fill=colour
            )


def _write_caption(picture: Image.Image, text: str) -> None:
    if not text:
        return
    font, lines = _fit(text[:MAX_CAPTION_CHARACTERS], picture.width, picture.height)
    caption = "\n".join(lines)
    canvas = ImageDraw.Draw(picture)
    margin = max(2, picture.width // 32)
    left, top, right, bottom = canvas.multiline_textbbox((0, 0), caption, font=font)
    x = (picture.width - (right - left)) / 2
    y = picture.height - (bottom - top) - 2 * margin
    panel = (x - margin, y - margin, x + right - left + margin, y + bottom - top + margin)
    canvas.rectangle(panel, fill=(16, 16, 24))
    canvas.multiline_text((x - left, y - top), caption, font=font, fill=(250, 250, 250))


@lru_cache(maxsize=64)
def _font(pixels: int) -> Font:
    return ImageFont.load_default(pixels)


def _fit(text: str, width: int, height: int) -> tuple[Font, list[str]]:
    """The largest font, and the lines, with which the text stays within the lower half."""
    pixels = max(SMALLEST_FONT_PIXELS, min(width, height) // 9)
    while True:
        font = _font(pixels)
        lines = _wrap(text, font, width * 0.88)
        fitting = max(1, int(height * 0.5 / (pixels * 1.35)))
        if len(lines) <= fitting:
            return font, lines
        if pixels == SMALLEST_FONT_PIXELS:
            return font, [*lines[: fitting - 1], "..."]
        pixels = max(SMALLEST_FONT_PIXELS, int(pixels * 0.8))


def _wrap(text: str, font: Font, width: float) -> list[str]:
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.extend(_broken(word, font, width))
    return lines


def _broken(word: str, font: Font, width: float) -> list[str]:
    """Split a word that is wider than a line, as text without spaces is."""
    pieces = [""]
    for character in word:
        if pieces[-1] and font.getlength(pieces[-1] + character) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces
