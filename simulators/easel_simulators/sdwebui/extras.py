"""``extra-single-image``, ``extra-batch-images`` and ``png-info``: upscaling and reading."""

import html
from collections.abc import Callable, Mapping
from typing import cast

from PIL import Image, ImageOps

from easel_simulators import pictures
from easel_simulators.sdwebui import infotext
from easel_simulators.sdwebui.answering import Encoder
from easel_simulators.sdwebui.errors import WebuiError, out_of_memory
from easel_simulators.sdwebui.execution import Answer, Gpu, JobLabel
from easel_simulators.sdwebui.inpainting import picture_from
from easel_simulators.sdwebui.progress import Progress
from easel_simulators.sdwebui.settings import recorded_answer
from easel_simulators.server import Response

Values = Mapping[str, object]

_TO_SIZE = 1
_NONE = "None"


class Extras:
    """Upscales pictures. Every upscaler that is a neural network resizes as Lanczos does."""

    def __init__(self, gpu: Gpu, progress: Progress, encoder: Encoder) -> None:
        upscalers = cast("list[dict[str, object]]", recorded_answer("upscalers"))
        self._upscalers = {upscaler["name"] for upscaler in upscalers}
        self._gpu = gpu
        self._progress = progress
        self._encoder = encoder

    def single(self, values: Values) -> Response:
        """Answer a validated ``extra-single-image`` body.

        Raises:
            WebuiError: As SD WebUI fails.
        """
        picture = picture_from(values["image"])

        def job(_slower: float) -> Answer:
            html_info, upscaled, texts = self._process(values, picture)
            return lambda: Response.of_json(
                {"html_info": html_info, "image": self._encode(upscaled, texts)}
            )

        return self._run("extra-single-image", 1, job)

    def batch(self, values: Values) -> Response:
        """Answer a validated ``extra-batch-images`` body.

        Raises:
            WebuiError: As SD WebUI fails.
        """
        files = cast("list[Values]", values["imageList"])
        opened = [picture_from(file["data"]) for file in files]

        def job(_slower: float) -> Answer:
            made = []
            for number, picture in enumerate(opened):
                if number:
                    self._progress.next_upscale()
                made.append(self._process(values, picture))
            html_info = made[-1][0] if made else _told({})
            return lambda: Response.of_json(
                {
                    "html_info": html_info,
                    "images": [self._encode(upscaled, texts) for _, upscaled, texts in made],
                }
            )

        return self._run("extra-batch-images", len(opened), job)

    def _run(self, kind: str, count: int, job: Callable[[float], Answer]) -> Response:
        return self._gpu.run(JobLabel(path=f"/sdapi/v1/{kind}", name="extras", upscales=count), job)

    def _process(
        self, values: Values, picture: Image.Image
    ) -> tuple[str, Image.Image, dict[str, str]]:
        """Upscale one picture; tell what was done as HTML, and the texts that go with it."""
        upscaled, steps = self._upscale(values, picture)
        line = _line(steps)
        texts = {"postprocessing": line} if line else {}
        kept = picture.info.get("parameters")
        if isinstance(kept, str):
            texts = {"parameters": kept, **texts}
        return _told(steps), upscaled, texts

    def _encode(self, picture: Image.Image, texts: dict[str, str]) -> str:
        self._encoder.take_time(picture)
        picture_format = self._encoder.picture_format()
        return pictures.as_base64(pictures.encode(picture, picture_format, texts))

    def _upscale(
        self, values: Values, picture: Image.Image
    ) -> tuple[Image.Image, dict[str, object]]:
        first, second = str(values["upscaler_1"]), str(values["upscaler_2"])
        visibility = cast("float", values["extras_upscaler_2_visibility"])
        for name in (first, second):
            if name not in self._upscalers:
                raise WebuiError.raised("AssertionError", f"could not find upscaler named {name}")
        if first == _NONE:
            return picture, {}
        size, crop, steps = _target(values, picture.size)
        if size[0] * size[1] > pictures.MAX_PICTURE_PIXELS:
            raise out_of_memory(size[0] * size[1] * 12 / 2**30)
        upscaled = picture.resize(size, _resampling(first))
        steps["Postprocess upscaler"] = first
        if second != _NONE and visibility > 0:
            other = picture.resize(size, _resampling(second))
            upscaled = Image.blend(upscaled, other, visibility)
            steps["Postprocess upscaler 2"] = second
        return (ImageOps.fit(upscaled, crop) if crop else upscaled), steps


def _line(steps: Mapping[str, object]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in steps.items())


def _told(steps: Mapping[str, object]) -> str:
    return f"<p>{html.escape(_line(steps))}</p>"


def read_png_info(values: Values) -> dict[str, object]:
    """Answer a validated ``png-info`` body: what a picture's text chunks say.

    Raises:
        WebuiError: 500: it cannot be read.
    """
    texts = {
        name: text for name, text in picture_from(values["image"]).info.items() if type(text) is str
    }
    text = texts.pop("parameters", "")
    return {"info": text, "items": texts, "parameters": infotext.parse(text)}


def _target(
    values: Values, size: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int] | None, dict[str, object]]:
    """The size to resize to, the size to crop to then, and the words for both."""
    width, height = size
    if values["resize_mode"] != _TO_SIZE:
        factor = float(cast("float", values["upscaling_resize"]))
        return (
            (int(width * factor), int(height * factor)),
            None,
            {"Postprocess upscale by": factor},
        )
    wanted = (
        cast("int", values["upscaling_resize_w"]),
        cast("int", values["upscaling_resize_h"]),
    )
    factor = max(wanted[0] / width, wanted[1] / height)
    words = f"{wanted[0]}x{wanted[1]}"
    steps: dict[str, object] = {"Postprocess upscale to": words}
    if values["upscaling_crop"]:
        steps["Postprocess crop to"] = words
    covering = (round(width * factor), round(height * factor))
    return covering, (wanted if values["upscaling_crop"] else None), steps


def _resampling(upscaler: str) -> Image.Resampling:
    return Image.Resampling.NEAREST if upscaler == "Nearest" else Image.Resampling.LANCZOS
