"""``txt2img`` and ``img2img``: settings, model, sampling, answer."""

import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import cast

from PIL import Image, ImageOps

from easel_local.simulators import drawing, pictures
from easel_local.simulators.jobs import Lifetime, Work
from easel_local.simulators.sdwebui.checkpoints import Checkpoints
from easel_local.simulators.sdwebui.errors import WebuiError
from easel_local.simulators.sdwebui.execution import Gpu, JobLabel
from easel_local.simulators.sdwebui.painter import Initial, Painter
from easel_local.simulators.sdwebui.progress import Progress
from easel_local.simulators.sdwebui.sampling import Loaded, Sampling, read_sampling
from easel_local.simulators.sdwebui.scripts import Scripts
from easel_local.simulators.sdwebui.settings import (
    CHECKPOINT,
    CLIP_SKIP,
    PICTURE_FORMAT,
    VAE,
    Settings,
)
from easel_local.simulators.server import Response

Values = Mapping[str, object]

_NO_VAE = ("Automatic", "None")


@dataclass(frozen=True)
class Generator:
    """Generates pictures.

    Attributes:
        service_seconds: How long a job takes, whatever its size, once the model is loaded.
        rng: Chooses seeds where -1 was asked for.
    """

    gpu: Gpu
    checkpoints: Checkpoints
    settings: Settings
    progress: Progress
    scripts: Scripts
    painter: Painter
    lifetime: Lifetime
    service_seconds: float
    rng: random.Random

    def txt2img(self, values: Values) -> Response:
        """Answer a validated text-to-image body.

        Raises:
            WebuiError: As SD WebUI fails.
        """
        self.scripts.check_selected("txt2img", values["script_name"])
        sampler = self.scripts.sampler(values)
        self.scripts.check_always_on("txt2img", values["alwayson_scripts"])

        def job(slower: float) -> Response:
            return self._generate(values, sampler, slower, None)

        return self.gpu.run(_label("txt2img", values), job)

    def img2img(self, values: Values) -> Response:
        """Answer a validated image-to-image body.

        Raises:
            WebuiError: As SD WebUI fails.
        """
        if values["init_images"] is None:
            raise WebuiError.refused(404, "Init image not found")
        mask = picture_from(values["mask"]) if values["mask"] else None
        self.scripts.check_selected("img2img", values["script_name"])
        sampler = self.scripts.sampler(values)
        self.scripts.check_always_on("img2img", values["alwayson_scripts"])

        def job(slower: float) -> Response:
            return self._generate(values, sampler, slower, _initial(values, mask))

        return self.gpu.run(_label("img2img", values), job)

    def _generate(
        self, values: Values, sampler: str, slower: float, initial: Initial | None
    ) -> Response:
        sampling = read_sampling(values, sampler, self.rng)
        if initial is not None:
            sampling = replace(sampling, batch_size=_batch_size(sampling, initial))
        with self._overridden(values):
            loaded = self._load()
            seconds = self.service_seconds + slower
            made = self._sample(sampling, loaded, initial, seconds)
        answer = {
            "images": made if values["send_images"] else [],
            "parameters": _echo(values),
            "info": json.dumps(sampling.info(len(made), loaded)),
        }
        return Response.of_json(answer)

    @contextmanager
    def _overridden(self, values: Values) -> Iterator[None]:
        """Apply ``override_settings``; an unknown checkpoint is dropped from them silently."""
        overrides = dict(cast("Values", values["override_settings"] or {}))
        if self.checkpoints.find(overrides.get(CHECKPOINT)) is None:
            overrides.pop(CHECKPOINT, None)
        former = self.settings.pick(overrides)
        self.settings.set(overrides)
        try:
            yield
        finally:
            if values["override_settings_restore_afterwards"]:
                self.settings.set(former)

    def _load(self) -> Loaded:
        checkpoint = self.checkpoints.find(self.settings.get(CHECKPOINT))
        checkpoint = checkpoint or self.checkpoints.first
        self.checkpoints.load(checkpoint)
        vae, clip_skip = self.settings.get(VAE), self.settings.get(CLIP_SKIP)
        return Loaded(
            checkpoint=checkpoint,
            vae=vae if isinstance(vae, str) and vae not in _NO_VAE else None,
            clip_skip=clip_skip if isinstance(clip_skip, int) else 1,
            timestamp=self.progress.job_timestamp,
        )

    def _sample(
        self, sampling: Sampling, loaded: Loaded, initial: Initial | None, seconds: float
    ) -> list[str]:
        """Make the pictures, an iteration at a time, until an interrupt."""
        self.progress.sampling(sampling.n_iter, sampling.steps)
        made: list[str] = []
        for iteration in range(sampling.n_iter):
            work = Work(seconds / sampling.n_iter, self.lifetime)
            if not self.progress.next_iteration(work):
                break
            first = iteration * sampling.batch_size
            batch = [
                (index, self.painter.paint(sampling, index, initial))
                for index in range(first, first + sampling.batch_size)
            ]
            encoded = [self._encode(sampling, index, picture, loaded) for index, picture in batch]
            done = work.wait()
            if done < 1:
                encoded = [
                    self._encode(
                        sampling,
                        index,
                        drawing.half_made(picture, sampling.seed_of(index), done),
                        loaded,
                    )
                    for index, picture in batch
                ]
            made += encoded
            self.progress.iteration_done()
        return made

    def _encode(self, sampling: Sampling, index: int, picture: Image.Image, loaded: Loaded) -> str:
        picture_format = str(self.settings.get(PICTURE_FORMAT)).lower()
        if picture_format not in pictures.ENCODED_FORMATS:
            raise WebuiError.refused(500, "Invalid image format")
        return self.painter.encode(picture, picture_format, sampling.infotext(index, loaded))


def picture_from(text: object) -> Image.Image:
    """Read a picture that a body carries; none is fetched from a URL.

    Raises:
        WebuiError: 500: it cannot be read.
    """
    if str(text).startswith(("http://", "https://")):
        raise WebuiError.refused(500, "Invalid image url")
    try:
        return pictures.decode(str(text))
    except pictures.InvalidPictureError as error:
        raise WebuiError.refused(500, "Invalid encoded image") from error


def _initial(values: Values, mask: Image.Image | None) -> Initial:
    init_images = cast("list[object]", values["init_images"])
    if not init_images:
        raise WebuiError.raised("RuntimeError", "bad number of images passed; expecting 1 or more")
    if mask is not None:
        mask = mask.convert("L")
        mask = ImageOps.invert(mask) if values["inpainting_mask_invert"] else mask
    resize_mode = values["resize_mode"]
    return Initial(
        pictures=[picture_from(one) for one in init_images],
        mask=mask,
        resize_mode=resize_mode if isinstance(resize_mode, int) else 0,
    )


def _batch_size(sampling: Sampling, initial: Initial) -> int:
    """One initial picture serves a whole batch; several make a batch of as many."""
    count = len(initial.pictures)
    if count == 1:
        return sampling.batch_size
    if count > sampling.batch_size:
        raise WebuiError.raised(
            "RuntimeError",
            f"bad number of images passed; expecting {sampling.batch_size} or less, got {count}",
        )
    return count


def _label(kind: str, values: Values) -> JobLabel:
    task_id, seed = values["force_task_id"], values["seed"]
    return JobLabel(
        path=f"/sdapi/v1/{kind}",
        name=f"scripts_{kind}",
        task_id=task_id if isinstance(task_id, str) else None,
        seed=seed if isinstance(seed, int) else None,
    )


def _echo(values: Values) -> dict[str, object]:
    """``parameters``: the body with its defaults; pictures only when asked for."""
    if "init_images" not in values or values["include_init_images"]:
        return dict(values)
    return {**values, "init_images": None, "mask": None}
