"""The script "prompt matrix": a picture of every combination of a prompt's parts, and a grid.

As AUTOMATIC1111's scripts/prompt_matrix.py, and recorded (script_prompt_matrix in
a1111_1.10.1_generate_and_errors.json): the grid comes first, ``index_of_first_image`` is 1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, cast

from PIL import Image

from easel_simulators.pictures import MAX_PICTURE_PIXELS
from easel_simulators.sdwebui.errors import WebuiError, out_of_memory
from easel_simulators.sdwebui.sampling import MAX_PICTURES, Sampling

NAME: Final = "prompt matrix"

# What the real one's user interface shows at first. A real server fails without script_args; that
# these take their place here is a guess in the caller's favour.
_DEFAULT_ARGUMENTS: Final = (False, False, "positive", "comma", 0)


def chosen(values: Mapping[str, object]) -> bool:
    """Whether a validated body selects this script."""
    return str(values["script_name"] or "").lower() == NAME


def expand(values: Mapping[str, object], sampling: Sampling) -> Sampling:
    """A generation of all combinations in place of one of one prompt.

    Raises:
        WebuiError: An argument of the script is wrong.
    """
    given = cast("list[object]", values["script_args"])
    arguments = [*given, *_DEFAULT_ARGUMENTS[len(given) :]]
    at_start, other_seeds, kind, joining = arguments[:4]
    if kind not in ("positive", "negative"):
        raise WebuiError.raised("ValueError", f"Unknown prompt type {kind}")
    if joining not in ("comma", "space"):
        raise WebuiError.raised("ValueError", f"Unknown variations delimiter {joining}")
    prompts = sampling.prompts if kind == "positive" else sampling.negative_prompts
    made = _combinations(prompts[0], ", " if joining == "comma" else " ", at_start=bool(at_start))
    count = len(made)
    pixels = sampling.size[0] * sampling.size[1]
    if pixels * count > MAX_PICTURE_PIXELS:
        raise out_of_memory(pixels * count * 3 / 2**30)
    seed = sampling.seeds[0]
    return replace(
        sampling,
        prompts=made if kind == "positive" else [sampling.prompts[0]] * count,
        negative_prompts=made if kind == "negative" else [sampling.negative_prompts[0]] * count,
        seeds=[seed + index if other_seeds else seed for index in range(count)],
        n_iter=math.ceil(count / sampling.batch_size),
    )


def _combinations(prompt: str, delimiter: str, *, at_start: bool) -> list[str]:
    base, *parts = prompt.split("|")
    if 2 ** len(parts) > MAX_PICTURES:
        raise WebuiError.raised("MemoryError", "")
    made = []
    for number in range(2 ** len(parts)):
        picked = [
            text.strip().strip(",") for place, text in enumerate(parts) if number & (1 << place)
        ]
        made.append(delimiter.join([*picked, base] if at_start else [base, *picked]))
    return made


def rows_of(prompt: str) -> int:
    """How many rows the grid of a prompt has."""
    return int(1 << (prompt.count("|") // 2))


def grid_of(pictures: Sequence[Image.Image], rows: int, legend_pixels: int = 0) -> Image.Image:
    """Put pictures of one size side by side, row by row.

    Args:
        pictures: At least one.
        rows: How many rows.
        legend_pixels: White space above, for names.
    """
    columns = math.ceil(len(pictures) / rows)
    width, height = pictures[0].size
    grid = Image.new("RGB", (columns * width, rows * height + legend_pixels), "white")
    for index, picture in enumerate(pictures):
        place = (index % columns * width, index // columns * height + legend_pixels)
        grid.paste(picture, place)
    return grid


def legend_pixels(size: tuple[int, int]) -> int:
    """The height of the grid's legend.

    Recorded is 8 for pictures of 64 x 64. That it grows as the real one's font does, with width
    plus height over 25, is a guess.
    """
    return round((size[0] + size[1]) / 25 * 1.6)
