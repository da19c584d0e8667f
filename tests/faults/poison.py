"""Eleven sorts of messages that no agent can use, each of which must end somewhere."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from easel_contract.errors import TaskErrorCode
from tests.faults.tasks import PREFIX, RUNTIME


@dataclass(frozen=True)
class PoisonMessage:
    """One of them.

    Attributes:
        sort: what is wrong with it.
        body: as it lies in the queue.
        task_id: where it can be read, so that the sender must be told.
        code: of the callback.
        is_buried: whether it belongs into the dead-letter queue.
    """

    sort: str
    body: str
    task_id: str | None = None
    code: TaskErrorCode | None = None
    is_buried: bool = True


def poison_messages(name: str) -> list[PoisonMessage]:
    """All sorts; `name` makes their ids unique."""
    return [*_no_tasks(), *_broken_tasks(name), *_refused_tasks(name)]


def _no_tasks() -> list[PoisonMessage]:
    envelope = {"Type": "Notification", "MessageId": "m", "TopicArn": "t", "Message": "not JSON"}
    return [
        PoisonMessage("not JSON", "this is { not JSON"),
        PoisonMessage("JSON, but no object", json.dumps(["a", 1, None])),
        PoisonMessage("nested beyond reason", "[" * 50_000),
        PoisonMessage("an envelope around nothing", json.dumps(envelope)),
        PoisonMessage("a body of zeros", "0" * 100_000),
    ]


def _broken_tasks(name: str) -> list[PoisonMessage]:
    invalid = TaskErrorCode.INVALID_TASK
    no_content = {"metadata": _metadata(f"{name}-no-content")}
    bad_type = {"metadata": _metadata(f"{name}-bad-type", tasktype="make-coffee"), "content": {}}
    climbing = {"metadata": _metadata("../../etc/passwd"), "content": {"prompt": "x"}}
    return [
        PoisonMessage("no content", json.dumps(no_content), f"{name}-no-content", invalid),
        PoisonMessage("unknown task type", json.dumps(bad_type), f"{name}-bad-type", invalid),
        PoisonMessage("an id that climbs out of its folder", json.dumps(climbing)),
    ]


def _refused_tasks(name: str) -> list[PoisonMessage]:
    other_runtime = _task(f"{name}-pipeline", {"prompt": {}}, tasktype="pipeline")
    bad_input = _task(
        f"{name}-bad-input",
        {"init_images": ["http://127.0.0.1:1/none.png"], "prompt": "x"},
        tasktype="image-to-image",
    )
    return [
        PoisonMessage(
            "a task of another runtime type",
            other_runtime,
            f"{name}-pipeline",
            TaskErrorCode.UNSUPPORTED_TASK,
            is_buried=False,
        ),
        PoisonMessage(
            "an input at a forbidden address",
            bad_input,
            f"{name}-bad-input",
            TaskErrorCode.INPUT_UNAVAILABLE,
            is_buried=False,
        ),
        PoisonMessage(
            "a content that the runtime refuses",
            _task(f"{name}-sampler", {"prompt": "x", "sampler_name": "no such sampler"}),
            f"{name}-sampler",
            TaskErrorCode.RUNTIME_REJECTED,
            is_buried=False,
        ),
    ]


def _metadata(task_id: str, tasktype: str = "text-to-image") -> dict[str, str]:
    return {"id": task_id, "runtime": RUNTIME, "tasktype": tasktype, "prefix": PREFIX}


def _task(task_id: str, content: Mapping[str, Any], tasktype: str = "text-to-image") -> str:
    return json.dumps({"metadata": _metadata(task_id, tasktype), "content": content})
