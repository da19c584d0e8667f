"""``txt2img`` and ``img2img``: settings, model, sampling, answer."""

import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, cast

from PIL import Image

from easel_simulators import drawing
from easel_simulators.jobs import Lifetime, Work
from easel_simulators.sdwebui import hires, inpainting, prompt_matrix
from easel_simulators.sdwebui.answering import Encoder, Made, extra_pictures
from easel_simulators.sdwebui.checkpoints import Checkpoints
from easel_simulators.sdwebui.errors import WebuiError
from easel_simulators.sdwebui.execution import Answer, Gpu, JobLabel
from easel_simulators.sdwebui.infotext_request import applied
from easel_simulators.sdwebui.painter import Initial, Painter
from easel_simulators.sdwebui.progress import Progress
from easel_simulators.sdwebui.samplers import Choice, ListedSamplers
from easel_simulators.sdwebui.sampling import Loaded, Sampling, read_sampling
from easel_simulators.sdwebui.scripts import Scripts
from easel_simulators.sdwebui.settings import (
    CHECKPOINT,
    CLIP_SKIP,
    NEVER_OVERRIDDEN,
    VAE,
    Settings,
)
from easel_simulators.server import Response

Values = Mapping[str, object]

_NO_VAE: Final = ("Automatic", "None")
# What a body says that changes no pixel, or changes them by way of what is resolved from it.
_NOT_PAINTED: Final = frozenset(
    {
        "prompt",
        "seed",
        "subseed",
        "batch_size",
        "n_iter",
        "sampler_name",
        "sampler_index",
        "scheduler",
        "override_settings",
        "override_settings_restore_afterwards",
        "do_not_save_samples",
        "do_not_save_grid",
        "send_images",
        "save_images",
        "force_task_id",
        "infotext",
        "init_images",
        "include_init_images",
        "mask",
        "script_name",
        "script_args",
    }
)


@dataclass(frozen=True)
class Generator:
    """Generates pictures.

    A picture is a function of the checkpoint that is loaded, of the body and of the settings in
    force: the same three give the same bytes.

    Attributes:
        service_seconds: How long a job takes, whatever its size, once the model is loaded.
        rng: Chooses seeds where -1 was asked for.
        version: What the server calls its version.
    """

    gpu: Gpu
    checkpoints: Checkpoints
    settings: Settings
    progress: Progress
    scripts: Scripts
    samplers: ListedSamplers
    painter: Painter
    encoder: Encoder
    lifetime: Lifetime
    service_seconds: float
    rng: random.Random
    version: str

    def txt2img(self, values: Values, given: frozenset[str]) -> Response:
        """Answer a validated text-to-image body; ``given`` are the fields that it names.

        Raises:
            WebuiError: As SD WebUI fails.
        """
        return self._answer("txt2img", values, given, None)

    def img2img(self, values: Values, given: frozenset[str]) -> Response:
        """Answer a validated image-to-image body; ``given`` are the fields that it names.

        Raises:
            WebuiError: As SD WebUI fails.
        """
        if values["init_images"] is None:
            raise WebuiError.refused(404, "Init image not found")
        mask = inpainting.picture_from(values["mask"]) if values["mask"] else None
        return self._answer("img2img", values, given, mask)

    def _answer(
        self, kind: str, body: Values, given: frozenset[str], mask: Image.Image | None
    ) -> Response:
        values = applied(body, given, self.settings, self.samplers)
        self.scripts.check_selected(kind, values["script_name"])
        choice = self.samplers.choose(values)
        self.scripts.check_always_on(kind, values["alwayson_scripts"])

        def job(slower: float) -> Answer:
            initial = inpainting.initial_of(values, mask) if kind == "img2img" else None
            return self._generate(values, choice, slower, initial)

        return self.gpu.run(_label(kind, values), job)

    def _generate(
        self, values: Values, choice: Choice, slower: float, initial: Initial | None
    ) -> Answer:
        with self._overridden(values):
            sampling = self._read(values, choice, initial)
            loaded = self._load()
            sampling = replace(sampling, extra=self._told(values, sampling, loaded, initial))
            seconds = self.service_seconds + slower
            made = self._sample(sampling, loaded, initial, seconds, _variant(values, choice))
            made, first = extra_pictures(made, values, sampling, initial, self.settings)
        infotexts = [one.infotext for one in made if one.infotext is not None]
        info = sampling.info(infotexts or [sampling.infotext(0, loaded)], first, loaded)

        def answer() -> Response:
            images = self.encoder.encode(made) if values["send_images"] else []
            body = {"images": images, "parameters": _echo(values), "info": json.dumps(info)}
            return Response.of_json(body)

        return answer

    @contextmanager
    def _overridden(self, values: Values) -> Iterator[None]:
        """Apply ``override_settings``; an unknown checkpoint is dropped from them silently."""
        overrides = {
            name: value
            for name, value in cast("Values", values["override_settings"] or {}).items()
            if name not in NEVER_OVERRIDDEN
        }
        former = self.settings.stored(overrides)
        if self.checkpoints.find(overrides.get(CHECKPOINT)) is None:
            overrides.pop(CHECKPOINT, None)
        try:
            self.settings.set(overrides)
            yield
        finally:
            if values["override_settings_restore_afterwards"]:
                self.settings.set(former)

    def _read(self, values: Values, choice: Choice, initial: Initial | None) -> Sampling:
        hires.check(values, self.checkpoints)
        sampling = read_sampling(values, choice, self.rng)
        if sampling.hires:
            self.samplers.check_second_pass(values["hr_sampler_name"])
        if initial is not None:
            sampling = replace(sampling, batch_size=inpainting.batch_size(sampling, initial))
        if prompt_matrix.chosen(values):
            sampling = prompt_matrix.expand(values, sampling)
        return sampling

    def _load(self) -> Loaded:
        checkpoint = self.checkpoints.find(self.settings.get(CHECKPOINT))
        checkpoint = checkpoint or self.checkpoints.first
        was_loaded = self.checkpoints.loaded
        checkpoint = self.checkpoints.load(checkpoint)
        if checkpoint != was_loaded:
            self.settings.set({CHECKPOINT: checkpoint.title})
        vae, clip_skip = self.settings.get(VAE), self.settings.get(CLIP_SKIP)
        return Loaded(
            checkpoint=checkpoint,
            vae=vae if isinstance(vae, str) and vae not in _NO_VAE else None,
            clip_skip=clip_skip if isinstance(clip_skip, int) else 1,
            settings=self.settings.changed(),
            timestamp=self.progress.job_timestamp,
            version=self.version,
        )

    def _told(
        self, values: Values, sampling: Sampling, loaded: Loaded, initial: Initial | None
    ) -> dict[str, object]:
        """``extra_generation_params``."""
        pairs = {} if initial is None else inpainting.told(values)
        pairs |= hires.told(
            values,
            sampling.sampler.name,
            loaded.checkpoint,
            self.checkpoints,
            lazy=self.samplers.has_schedulers,
        )
        return pairs | dict(sampling.sampler.told)

    def _sample(
        self,
        sampling: Sampling,
        loaded: Loaded,
        initial: Initial | None,
        seconds: float,
        variant: str,
    ) -> list[Made]:
        """Make the pictures, a batch at a time, until an interrupt."""
        passes = 2 if sampling.hires else 1
        self.progress.sampling(sampling.n_iter * passes)
        variant = f"{variant} {loaded.checkpoint.file_name} {loaded.settings}"
        variant = hashlib.sha256(variant.encode()).hexdigest()
        made: list[Made] = []
        for number in range(sampling.n_iter):
            first = number * sampling.batch_size
            work = Work(seconds / sampling.n_iter / passes, self.lifetime)
            if not self.progress.next_pass(work, sampling.steps):
                break
            self.progress.batch(number + 1, sampling.n_iter)
            indices = range(first, min(first + sampling.batch_size, sampling.pictures))
            painted = [self.painter.paint(sampling, i, initial, variant) for i in indices]
            done, size = self._wait(work, sampling, seconds)
            if done < 1:
                painted = [
                    drawing.half_made(picture.resize(size), sampling.seed_of(index), done)
                    for index, picture in zip(indices, painted, strict=True)
                ]
            made += [
                Made(picture, sampling.infotext(index, loaded))
                for index, picture in zip(indices, painted, strict=True)
            ]
        return made

    def _wait(
        self, work: Work, sampling: Sampling, seconds: float
    ) -> tuple[float, tuple[int, int]]:
        """Wait for the passes of a batch; tell how much was done and the size of the pictures.

        An interrupt in the first pass leaves pictures of the first pass's size.
        """
        done = work.wait()
        self.progress.pass_done()
        if not sampling.hires or done < 1:
            return done, sampling.first_size
        second = Work(seconds / sampling.n_iter / 2, self.lifetime)
        if not self.progress.next_pass(second, sampling.steps):
            return done, sampling.first_size
        done = (1 + second.wait()) / 2
        self.progress.pass_done()
        return done, sampling.size


def _variant(values: Values, choice: Choice) -> str:
    """What of a body pictures depend on apart from prompt, seed, size and initial pictures."""
    painted = {name: value for name, value in values.items() if name not in _NOT_PAINTED}
    if values["subseed_strength"]:
        painted["subseed"] = values["subseed"]
    sampled = [choice.name, choice.schedule, dict(choice.told)]
    return json.dumps([painted, sampled], sort_keys=True)


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
