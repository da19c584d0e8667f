"""What the fault suite calls a violation: each kind is seen, and a good ending is not one."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from easel_contract.errors import TaskError, TaskErrorCode
from easel_contract.record import TaskRecord, TaskStatus
from easel_contract.result import ResultStatus, TaskResult
from tests.faults.callbacks import Callback
from tests.faults.invariants import Evidence, violations

pytestmark = pytest.mark.unit

PICTURE = "faults/a/a-xyz1-1.png"
ANSWER = "faults/a/a-xyz1.out"


def picture_for(task_id: str) -> bytes:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("parameters", f"{task_id} a lighthouse\nSteps: 1")
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


def completed(**changes: Any) -> Callback:
    values: dict[str, Any] = {
        "id": "a",
        "result": True,
        "status": ResultStatus.COMPLETED,
        "event_id": "e1",
        "image_url": [f"s3://bucket/{PICTURE}"],
        "output_url": f"s3://bucket/{ANSWER}",
        **changes,
    }
    return Callback(TaskResult(**values), 0.0)


def failed(code: TaskErrorCode, *, retryable: bool = False) -> Callback:
    error = TaskError(code=code, message="no", retryable=retryable)
    return Callback(
        TaskResult(id="a", result=False, status=ResultStatus.FAILED, event_id="e2", error=error),
        0.0,
    )


def evidence(**changes: Any) -> Evidence:
    values: dict[str, Any] = {
        "accepted": frozenset({"a"}),
        "buried": (),
        "callbacks": {"a": [completed()]},
        "unreadable_callbacks": (),
        "objects": OBJECTS,
        "dead_letters": (),
        "messages_left": 0,
        "records": (),
        "dead_agents": (),
        "bucket": "bucket",
        **changes,
    }
    return Evidence(**values)


OBJECTS = [(PICTURE, picture_for("a")), (ANSWER, b"{}")]
UID = "019a0000-0000-7000-8000-000000000001"


def task_body(task_id: str, uid: str | None = UID) -> str:
    metadata = {"id": task_id, "runtime": "r", "tasktype": "text-to-image", "prefix": "p"}
    return json.dumps({"metadata": metadata, "content": {}, "uid": uid})


def record(status: TaskStatus, **changes: Any) -> TaskRecord:
    values: dict[str, Any] = {
        "uid": UID,
        "id": "a",
        "tenant": "default",
        "scope": "default",
        "runtime": "r",
        "tasktype": "text-to-image",
        "prefix": "p",
        "status": status,
        "created_at": datetime(2026, 11, 28, tzinfo=UTC),
        "expires_at": datetime(2026, 12, 28, tzinfo=UTC),
    }
    return TaskRecord.model_validate(values | changes)


REFUSED = failed(TaskErrorCode.RUNTIME_REJECTED)
GIVEN_UP = failed(TaskErrorCode.INTERNAL, retryable=True)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"callbacks": {"a": [completed(), completed()]}},
        {"callbacks": {"a": [GIVEN_UP]}, "dead_letters": (task_body("a"),)},
        {"dead_letters": ("junk",), "buried": ("junk",)},
    ],
    ids=["once", "repeated", "given up", "poison"],
)
def test_a_good_ending_is_no_violation(changes: dict[str, Any]) -> None:
    assert violations(evidence(**changes)) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"callbacks": {}}, "no final callback"),
        (
            {"callbacks": {"a": [completed(), completed(event_id="e9")]}},
            "2 different final callbacks",
        ),
        ({"callbacks": {"a": [completed(event_id=None)]}}, "without an event_id"),
        ({"callbacks": {"a": [completed()], "b": [REFUSED]}}, "that nobody sent"),
        ({"objects": [(PICTURE, picture_for("b")), (ANSWER, b"{}")]}, "a picture of another task"),
        ({"objects": [(ANSWER, b"{}")]}, "is not there"),
        ({"dead_letters": (task_body("a"),)}, "without having failed for good"),
        ({"dead_letters": ("junk",)}, "without reason"),
        (
            {"callbacks": {"a": [GIVEN_UP]}, "dead_letters": (task_body("a", uid=None),)},
            "without a uid",
        ),
        ({"buried": ("junk",)}, "not in the dead-letter queue"),
        ({"callbacks": {"a": [GIVEN_UP]}}, "failed for good, but is not"),
        ({"messages_left": 1}, "1 messages left"),
        ({"dead_agents": ("agent 1",)}, "ended without being told to"),
        ({"unreadable_callbacks": ("junk",)}, "not a result message"),
        ({"records": (record(TaskStatus.RUNNING),)}, "its record is running"),
        (
            {
                "records": (record(TaskStatus.COMPLETED, result="{}"),),
                "callbacks": {"a": [completed(uid=UID)]},
            },
            "does not hold its callback",
        ),
        (
            {
                "records": (
                    record(TaskStatus.CANCELLED, result=completed(uid=UID).result.to_json()),
                ),
                "callbacks": {"a": [completed(uid=UID)]},
            },
            "its record is cancelled, its callback another",
        ),
        ({"callbacks": {"a": [completed(uid=UID)]}}, "a callback without a record"),
        ({"objects": [*OBJECTS, ("_easel/results/a.json", b"{}")]}, "where no task's output may"),
    ],
)
def test_every_violation_is_seen(changes: dict[str, Any], sentence: str) -> None:
    (found,) = violations(evidence(**changes))
    assert sentence in found
