"""SD WebUI's answer: whether the task was followed, and the kind of each picture.

Where extra pictures stand was recorded (a1111_1.10.1_generate_and_errors mask_save_options,
script_prompt_matrix) and is AUTOMATIC1111's modules/processing.py, `process_images_inner`: grids
first (`index_of_first_image`), behind each picture its mask and its mask composite, at the end
what extensions add, such as ControlNet's detected maps.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, Field, Json, ValidationError

from easel_agent.errors import RejectedTaskError, TransientError
from easel_agent.runtimes.base import Generation, MadeFile
from easel_agent.runtimes.sdwebui.checkpoints import Checkpoint
from easel_agent.runtimes.sdwebui.samplers import Sampling
from easel_contract.errors import TaskErrorCode

_SCHEDULE = "Schedule type"
_TOLD_SCHEDULE = re.compile(_SCHEDULE + r": ([^,\n]+)")
_PICTURE = "picture"


class _Info(BaseModel):
    sd_model_name: str | None = None
    sd_model_hash: str | None = None
    sampler_name: str | None = None
    index_of_first_image: int = Field(default=0, ge=0)
    batch_size: int | None = None
    all_seeds: list[Any] = []
    infotexts: list[Any] = []
    extra_generation_params: dict[str, Any] = {}

    def scheduler(self) -> str | None:
        """What it was scheduled by, where it tells."""
        told = self.extra_generation_params.get(_SCHEDULE)
        if isinstance(told, str):
            return told
        first = self.infotexts[0] if self.infotexts else None
        found = _TOLD_SCHEDULE.search(first) if isinstance(first, str) else None
        return found[1] if found else None


class _Answer(BaseModel):
    """`{images, parameters, info}` of a generation, `{image, html_info}` of an upscale."""

    images: list[str] | None = None
    image: str | None = None
    info: Json[_Info] | str | None = None
    """A JSON string; sd-server leaves it empty."""

    def encoded_pictures(self) -> list[str]:
        """The pictures in base64, in order."""
        if self.images is not None:
            return self.images
        return [self.image] if self.image else []


@dataclass(frozen=True)
class Expected:
    """What a task asked for.

    Attributes:
        checkpoint: that draws it; None where that is not known.
        sampling: its sampler and scheduler.
        batch_size: pictures of a round.
        rounds: rounds.
        masks: kinds of the pictures behind each one.
        has_infotext: whether its body may have asked for another checkpoint in its infotext.
    """

    checkpoint: Checkpoint | None = None
    sampling: Sampling = field(default_factory=Sampling)
    batch_size: int = 1
    rounds: int = 1
    masks: tuple[str, ...] = ()
    has_infotext: bool = False


def collect(body: bytes, expected: Expected | None) -> Generation:
    """Reads an answer.

    Args:
        body: as it came.
        expected: of a generation; None of an upscale.

    Raises:
        RejectedTaskError: it holds no picture, or the server put something else in the place of
            what was asked for.
        TransientError: it cannot be read, is incomplete, or another checkpoint drew it.
    """
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError as error:
        message = f"SD WebUI's answer cannot be read: {_first_of(error)}"
        raise TransientError(message, answer=body) from error
    images = answer.encoded_pictures()
    if not images:
        message = "SD WebUI made no picture"
        raise RejectedTaskError(TaskErrorCode.RUNTIME_FAILED, message, body)
    info = answer.info if isinstance(answer.info, _Info) else None
    if expected is None or info is None:
        return Generation(body, _decoded(images, range(len(images))))
    _check(info, expected, body)
    kinds = _kinds(len(images), info, expected)
    _check_number(kinds, info, expected, body)
    order = sorted(range(len(images)), key=lambda index: kinds[index] != _PICTURE)
    return Generation(_told(body, [kinds[index] for index in order]), _decoded(images, order))


def _check(info: _Info, expected: Expected, body: bytes) -> None:
    made_by, checkpoint = info.sd_model_name, expected.checkpoint
    if checkpoint and made_by and not checkpoint.made(made_by, info.sd_model_hash):
        message = f"SD WebUI used {made_by} [{info.sd_model_hash}], not {checkpoint.title}"
        if expected.has_infotext:
            message += ": the infotext asks for it, where a checkpoint cannot be named"
            raise RejectedTaskError(TaskErrorCode.RUNTIME_REJECTED, message, body)
        raise TransientError(message, answer=body)
    replaced = expected.sampling.replaced_by(info.sampler_name, info.scheduler())
    if replaced is not None and not expected.has_infotext:
        message = f"SD WebUI used {replaced}"
        raise RejectedTaskError(TaskErrorCode.RUNTIME_REJECTED, message, body)


def _kinds(count: int, info: _Info, expected: Expected) -> list[str]:
    """The kind of each picture, in the server's order."""
    grids = min(info.index_of_first_image, count - 1)
    asked = max((info.batch_size or expected.batch_size) * expected.rounds, len(info.all_seeds))
    group = [_PICTURE, *expected.masks]
    rest = group * asked
    if len(rest) > count - grids:
        # Fewer than the settings say, as where the task's script gives no masks.
        rest = [_PICTURE] * min(asked, count - grids)
    extras = ["extra"] * (count - grids - len(rest))
    return ["grid"] * grids + rest + extras


def _check_number(kinds: list[str], info: _Info, expected: Expected, body: bytes) -> None:
    # A job that somebody interrupted answers 200 with what it has.
    asked = (info.batch_size or expected.batch_size) * expected.rounds
    made = kinds.count(_PICTURE)
    if info.batch_size is not None and made < asked:
        message = f"SD WebUI made {made} of {asked} pictures"
        raise TransientError(message, answer=body)


def _told(body: bytes, kinds: list[str]) -> bytes:
    """The answer with a word on what each stored file is, where there are others than asked for."""
    end = body.rstrip()
    if set(kinds) == {_PICTURE} or not end.endswith(b"}"):
        return body
    files = [{"number": number, "kind": kind} for number, kind in enumerate(kinds, 1)]
    return end[:-1] + b', "easel": ' + json.dumps({"files": files}).encode() + b"}"


def _decoded(images: list[str], order: "range | list[int]") -> Iterator[MadeFile]:
    for index in order:
        image, images[index] = images[index], ""  # and out of memory
        try:
            # AUTOMATIC1111 sends bare base64; forks put a data: URL before it.
            bare = image.partition(",")[2] if image.startswith("data:") else image
            yield MadeFile(base64.b64decode(bare))
        except binascii.Error as error:
            raise TransientError(f"SD WebUI's picture cannot be read: {error}") from error


def _first_of(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'its text'}: {first['msg']}"
