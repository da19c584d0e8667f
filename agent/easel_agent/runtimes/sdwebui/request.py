"""A task's content as a request to SD WebUI: the agent's additions and removals."""

import uuid
from dataclasses import dataclass
from typing import Any

from easel_agent.errors import RejectedTaskError
from easel_agent.runtimes.sdwebui.settings import CHECKPOINT, Values
from easel_contract.errors import TaskErrorCode
from easel_contract.task import TaskType

_PATHS = {
    TaskType.TEXT_TO_IMAGE: "/sdapi/v1/txt2img",
    TaskType.IMAGE_TO_IMAGE: "/sdapi/v1/img2img",
    TaskType.EXTRA_SINGLE_IMAGE: "/sdapi/v1/extra-single-image",
    TaskType.EXTRA_BATCH_IMAGES: "/sdapi/v1/extra-batch-images",
}
_GENERATIONS = frozenset({TaskType.TEXT_TO_IMAGE, TaskType.IMAGE_TO_IMAGE})
_MASKS = {"return_mask": "mask", "return_mask_composite": "mask_composite"}
"""Settings that add a picture behind each one, in this order, and what it is."""


@dataclass(frozen=True)
class Request:
    """The request to SD WebUI.

    Attributes:
        path: of the API.
        body: the content without what easel takes out.
        is_generation: whether a checkpoint draws it, with settings, a sampler and an id.
        overrides: `override_settings`, without the checkpoint.
        checkpoint: that the task names; None where it names none.
    """

    path: str
    body: dict[str, Any]
    is_generation: bool
    overrides: Values
    checkpoint: str | None

    @property
    def batch_size(self) -> int:
        """Pictures that are asked for in each round."""
        return _count(self.body.get("batch_size"))

    @property
    def rounds(self) -> int:
        """Rounds that are asked for."""
        return _count(self.body.get("n_iter"))

    @property
    def has_infotext(self) -> bool:
        """Whether the body carries parameters as text, which may name anything."""
        return bool(self.body.get("infotext"))

    @property
    def leaves_settings(self) -> bool:
        """Whether no setting but its overrides changes while it runs, as far as is known.

        A script may change some (AUTOMATIC1111's scripts/xyz_grid.py), an infotext overrides some.
        """
        return self.is_generation and not self.has_infotext and not self.body.get("script_name")

    def masks(self, settings: Values) -> list[str]:
        """What stands behind each picture of it.

        Args:
            settings: the server's own, which the overrides go before.
        """
        if not self.body.get("mask"):
            return []
        return [kind for name, kind in _MASKS.items() if (settings | self.overrides).get(name)]

    def sent(self, body: dict[str, Any], pins: Values) -> dict[str, Any]:
        """A generation's body as it is sent.

        Args:
            body: its own, in the server's words.
            pins: settings that it must ask for besides its own.
        """
        return body | {
            "override_settings": pins | self.overrides,
            "override_settings_restore_afterwards": True,
            "send_images": True,
            "save_images": False,
            "force_task_id": f"task(easel-{uuid.uuid4().hex})",
        }


MASK_SETTINGS = tuple(_MASKS)


def read_request(tasktype: TaskType, content: dict[str, Any]) -> Request:
    """Reads a task's content.

    Raises:
        RejectedTaskError: SD WebUI does not do such tasks, or a field that easel looks at is not
            what it must be.
    """
    path = _PATHS.get(tasktype)
    if path is None:
        raise RejectedTaskError(
            TaskErrorCode.UNSUPPORTED_TASK,
            f"SD WebUI does not do {tasktype}; it does {', '.join(sorted(_PATHS))}",
        )
    if tasktype not in _GENERATIONS:
        return Request(path, content, is_generation=False, overrides={}, checkpoint=None)
    overrides = content.get("override_settings") or {}
    if not isinstance(overrides, dict):
        raise _invalid("override_settings must be an object")
    content, by_script = _without_checkpoint(content)
    by_override = _name(overrides, "override_settings")
    if by_script and by_override and by_script != by_override:
        raise _invalid(
            f"alwayson_scripts.{CHECKPOINT} and override_settings.{CHECKPOINT} name two checkpoints"
        )
    rest = {key: value for key, value in overrides.items() if key != CHECKPOINT}
    return Request(path, content, True, rest, by_script or by_override)


def _without_checkpoint(content: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    # It stands among the scripts, where SD WebUI would answer 422: it is no script.
    scripts = content.get("alwayson_scripts")
    if not isinstance(scripts, dict) or CHECKPOINT not in scripts:
        return content, None
    rest = {key: value for key, value in scripts.items() if key != CHECKPOINT}
    return content | {"alwayson_scripts": rest}, _name(scripts, "alwayson_scripts")


def _name(fields: dict[str, Any], where: str) -> str | None:
    if CHECKPOINT not in fields:
        return None
    name = fields[CHECKPOINT]
    if not isinstance(name, str) or not name.strip():
        raise _invalid(f"{where}.{CHECKPOINT} must be a file's name")
    return name


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 1


def _invalid(message: str) -> RejectedTaskError:
    return RejectedTaskError(TaskErrorCode.INVALID_TASK, message)
