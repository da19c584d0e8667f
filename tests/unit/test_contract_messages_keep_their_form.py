"""The golden files are the wire: reading one and writing it gives the same JSON."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from easel_contract.envelope import UnreadableTaskError, decode_result, decode_task
from easel_contract.errors import ContractError
from easel_contract.result import TaskResult
from easel_contract.task import (
    MAX_CONTEXT_BYTES,
    RuntimeType,
    TaskMessage,
    TaskType,
    check_task_type,
)

pytestmark = pytest.mark.unit

_TASKS = [
    "task-v1alpha2-text-to-image",
    "task-v1alpha1-text-to-image",
    "task-v1alpha1-image-to-image",
    "task-published-by-a-user",
    "task-by-reference",
]


@pytest.mark.parametrize("name", _TASKS)
def test_task_round_trip(golden: Callable[[str], Any], name: str) -> None:
    message = golden(name)
    assert json.loads(decode_task(json.dumps(message)).to_json()) == message


@pytest.mark.parametrize("name", ["result-completed", "result-failed"])
def test_result_round_trip(golden: Callable[[str], Any], name: str) -> None:
    result = golden(name)
    assert json.loads(decode_result(json.dumps(result)).to_json()) == result


def test_every_result_has_the_fields_of_the_seed(golden: Callable[[str], Any]) -> None:
    fields = {"id", "result", "image_url", "output_url", "context"}
    assert fields <= golden("result-completed").keys()
    assert fields <= golden("result-failed").keys()


def test_a_task_is_read_out_of_an_sns_envelope(golden: Callable[[str], Any]) -> None:
    task = decode_task(json.dumps(golden("sns-envelope")))
    assert json.loads(task.to_json()) == golden("task-v1alpha2-text-to-image")


@pytest.mark.parametrize(
    "change",
    [
        {"status": "failed"},
        {"result": False},
        {"error": {"code": "internal_error", "message": "x"}},
    ],
)
def test_a_result_that_contradicts_itself_is_refused(
    golden: Callable[[str], Any], change: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        TaskResult.model_validate(golden("result-completed") | change)


def test_a_task_needs_content_or_a_reference_to_it(golden: Callable[[str], Any]) -> None:
    message = golden("task-by-reference")
    for broken in (
        {"metadata": message["metadata"]},
        message | {"content": {}},
        message | {"content_ref": "https://example.com/x"},
    ):
        with pytest.raises(ValidationError):
            TaskMessage.model_validate(broken)


def test_a_context_that_a_callback_cannot_carry_is_refused(golden: Callable[[str], Any]) -> None:
    message = golden("task-v1alpha2-text-to-image")
    message["metadata"]["context"] = "x" * MAX_CONTEXT_BYTES
    with pytest.raises(UnreadableTaskError, match=r"metadata\.context: must be at most"):
        decode_task(json.dumps(message))


@pytest.mark.parametrize("body", ["", "hello", "[]", "null", '{"Type": "Notification"}', "{}"])
def test_an_unreadable_body_is_one_kind_of_error(body: str) -> None:
    with pytest.raises(UnreadableTaskError) as caught:
        decode_task(body)
    assert caught.value.task_id is None


def test_an_unreadable_task_keeps_what_its_sender_can_be_told_by() -> None:
    body = {"metadata": {"id": "t-1", "prefix": "../x", "context": [1]}, "content": 3}
    with pytest.raises(UnreadableTaskError) as caught:
        decode_task(json.dumps(body))
    assert (caught.value.task_id, caught.value.prefix, caught.value.context) == ("t-1", None, [1])
    fields = {problem.field for problem in caught.value.problems}
    assert fields == {"metadata.runtime", "metadata.tasktype", "metadata.prefix", "content"}


@pytest.mark.parametrize("body", ["x", "{}", "[1]"])
def test_a_notification_that_is_no_result_is_a_contract_error(body: str) -> None:
    with pytest.raises(ContractError):
        decode_result(body)


@pytest.mark.parametrize(
    ("runtime_type", "taken"),
    [
        (
            RuntimeType.SDWEBUI,
            {"text-to-image", "image-to-image", "extra-single-image", "extra-batch-images"},
        ),
        (RuntimeType.COMFYUI, {"pipeline"}),
    ],
)
def test_a_runtimes_type_decides_which_task_types_it_takes(
    runtime_type: RuntimeType, taken: set[str]
) -> None:
    for tasktype in TaskType:
        if tasktype in taken:
            check_task_type(tasktype, runtime_type)
        else:
            with pytest.raises(ContractError, match=tasktype):
                check_task_type(tasktype, runtime_type)
    assert taken <= set(TaskType)
