"""What an answer carries besides the pictures that were asked for, and how all are encoded."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from easel_simulators import pictures
from easel_simulators.jobs import Lifetime
from easel_simulators.sdwebui import prompt_matrix
from easel_simulators.sdwebui.errors import WebuiError
from easel_simulators.sdwebui.painter import Initial, Painter
from easel_simulators.sdwebui.sampling import Sampling
from easel_simulators.sdwebui.settings import (
    GRID_OF_SEVERAL,
    PICTURE_FORMAT,
    RETURN_GRID,
    RETURN_MASK,
    RETURN_MASK_COMPOSITE,
    Settings,
)

Values = Mapping[str, object]

_PIXELS_OF_ENCODE_SECONDS = 512 * 512


@dataclass(frozen=True)
class Made:
    """One picture of the answer; a mask has no infotext."""

    picture: Image.Image
    infotext: str | None


def extra_pictures(
    made: Sequence[Made],
    values: Values,
    sampling: Sampling,
    initial: Initial | None,
    settings: Settings,
) -> tuple[list[Made], int]:
    """Add masks behind each picture, and a grid before them all, where they are asked for.

    As ``process_images_inner`` in AUTOMATIC1111's modules/processing.py; masks and the prompt
    matrix are recorded for 1.10.1. The grid of other requests is only made where pictures are
    saved on the server too (``do_not_save_grid`` in modules/api/api.py; not recorded).

    Returns:
        The pictures, and where among them those that were asked for begin.
    """
    matrix = prompt_matrix.chosen(values)
    several = len(made) > 1 or not settings.get(GRID_OF_SEVERAL)
    with_masks = _with_masks(made, initial, settings)
    if not made:
        return [], 0
    if matrix:
        parts = sampling.negative_prompts if _of_negative(values) else [str(values["prompt"])]
        rows = prompt_matrix.rows_of(parts[0])
        legend = prompt_matrix.legend_pixels(made[0].picture.size)
        grid = prompt_matrix.grid_of([one.picture for one in with_masks], rows, legend)
    elif settings.get(RETURN_GRID) and values["save_images"] and several:
        rows = min(round(math.sqrt(len(with_masks))), len(with_masks))
        grid = prompt_matrix.grid_of([one.picture for one in with_masks], rows)
    else:
        return with_masks, 0
    return [Made(grid, made[0].infotext), *with_masks], 1


def _of_negative(values: Values) -> bool:
    arguments = values["script_args"]
    return isinstance(arguments, list) and arguments[2:3] == ["negative"]


def _with_masks(made: Sequence[Made], initial: Initial | None, settings: Settings) -> list[Made]:
    if initial is None or initial.mask is None:
        return list(made)
    found = []
    for one in made:
        found.append(one)
        mask = initial.mask.resize(one.picture.size)
        if settings.get(RETURN_MASK):
            found.append(Made(mask.convert("RGB"), None))
        if settings.get(RETURN_MASK_COMPOSITE):
            composite = one.picture.convert("RGBA")
            composite.putalpha(mask)
            found.append(Made(composite, None))
    return found


class Encoder:
    """Encodes the pictures of an answer, once the GPU has been given to the next job.

    So the format is that of the settings after the job's overrides have been undone: recorded, an
    override of ``samples_format`` shows in its own answer only where it is left behind.
    """

    def __init__(
        self, painter: Painter, settings: Settings, lifetime: Lifetime, seconds: float
    ) -> None:
        """Choose how long it takes: ``seconds`` for a picture of 512 x 512, more for a larger."""
        self._painter = painter
        self._settings = settings
        self._lifetime = lifetime
        self._seconds = seconds

    def encode(self, made: Sequence[Made]) -> list[str]:
        """Files in base64.

        Raises:
            WebuiError: 500: the format of the settings is none.
        """
        for one in made:
            self.take_time(one.picture)
        return [
            self._painter.encode(one.picture, self.picture_format(), one.infotext) for one in made
        ]

    def take_time(self, picture: Image.Image) -> None:
        """Let the time pass that encoding a picture takes."""
        pixels = picture.width * picture.height
        if self._seconds:
            self._lifetime.sleep(self._seconds * pixels / _PIXELS_OF_ENCODE_SECONDS)

    def picture_format(self) -> str:
        """The format of the settings in force.

        Raises:
            WebuiError: 500: it is none.
        """
        picture_format = str(self._settings.get(PICTURE_FORMAT)).lower()
        if picture_format not in pictures.ENCODED_FORMATS:
            raise WebuiError.refused(500, "Invalid image format")
        return picture_format
