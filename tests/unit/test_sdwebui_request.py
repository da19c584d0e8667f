"""A task's content as a request to SD WebUI."""

from typing import Any

import pytest

from easel_agent.errors import RejectedTaskError
from easel_agent.runtimes.sdwebui.request import read_request
from easel_contract.errors import TaskErrorCode
from easel_contract.task import TASK_TYPES, RuntimeType, TaskType

pytestmark = pytest.mark.unit

T2I = TaskType.TEXT_TO_IMAGE


@pytest.mark.parametrize(
    ("tasktype", "path", "is_generation"),
    [
        (TaskType.TEXT_TO_IMAGE, "/sdapi/v1/txt2img", True),
        (TaskType.IMAGE_TO_IMAGE, "/sdapi/v1/img2img", True),
        (TaskType.EXTRA_SINGLE_IMAGE, "/sdapi/v1/extra-single-image", False),
        (TaskType.EXTRA_BATCH_IMAGES, "/sdapi/v1/extra-batch-images", False),
    ],
)
def test_every_task_type_of_sd_webui_has_its_path(
    tasktype: TaskType, path: str, is_generation: bool
) -> None:
    request = read_request(tasktype, {"x": 1})
    assert (request.path, request.is_generation, request.body) == (path, is_generation, {"x": 1})


@pytest.mark.parametrize("tasktype", sorted(TASK_TYPES[RuntimeType.SDWEBUI]))
def test_what_the_contract_gives_to_sd_webui_has_a_path(tasktype: TaskType) -> None:
    assert read_request(tasktype, {}).path.startswith("/sdapi/v1/")


def test_other_task_types_are_refused_and_those_that_there_are_named() -> None:
    with pytest.raises(RejectedTaskError, match="extra-batch-images, extra-single-image") as no:
        read_request(TaskType.PIPELINE, {})
    assert no.value.error.code is TaskErrorCode.UNSUPPORTED_TASK


def test_what_is_sent_keeps_no_setting_and_sends_every_picture() -> None:
    content = {
        "prompt": "a",
        "send_images": False,
        "save_images": True,
        "override_settings": {"eta": 1, "sd_model_checkpoint": "a"},
        "override_settings_restore_afterwards": False,
        "force_task_id": "theirs",
        "alwayson_scripts": {"sd_model_checkpoint": "a", "controlnet": {"args": []}},
    }
    request = read_request(T2I, content)
    assert request.checkpoint == "a"
    assert request.overrides == {"eta": 1}
    sent = request.sent(request.body, {"eta": 0, "clip": 2})
    other = request.sent(request.body, {})
    assert sent["override_settings"] == {"eta": 1, "clip": 2}
    assert sent["alwayson_scripts"] == {"controlnet": {"args": []}}
    flags = ("override_settings_restore_afterwards", "send_images", "save_images")
    assert [sent[flag] for flag in flags] == [True, True, False]
    assert len({"theirs", sent["force_task_id"], other["force_task_id"]}) == 3


@pytest.mark.parametrize(
    "content",
    [
        {"alwayson_scripts": {"sd_model_checkpoint": ""}},
        {"alwayson_scripts": {"sd_model_checkpoint": None}},
        {"override_settings": {"sd_model_checkpoint": 3}},
        {"override_settings": ["x"]},
        {
            "override_settings": {"sd_model_checkpoint": "a"},
            "alwayson_scripts": {"sd_model_checkpoint": "b"},
        },
    ],
)
def test_fields_that_easel_reads_must_be_what_they_must_be(content: dict[str, Any]) -> None:
    with pytest.raises(RejectedTaskError) as refused:
        read_request(T2I, content)
    assert refused.value.error.code is TaskErrorCode.INVALID_TASK


@pytest.mark.parametrize("value", [0, -1, "3", None, True])
def test_a_number_of_pictures_that_is_none_is_left_to_the_server(value: Any) -> None:
    request = read_request(T2I, {"batch_size": value, "n_iter": value})
    assert (request.batch_size, request.rounds) == (1, 1)
    assert request.body["n_iter"] == value


@pytest.mark.parametrize(
    ("content", "settings", "masks"),
    [
        ({"mask": "x"}, {"return_mask": True}, ["mask"]),
        ({"mask": "x", "override_settings": {"return_mask": False}}, {"return_mask": True}, []),
        (
            {"mask": "x", "override_settings": {"return_mask_composite": True}},
            {"return_mask": True},
            ["mask", "mask_composite"],
        ),
        ({}, {"return_mask": True}, []),
    ],
)
def test_masks_stand_behind_pictures_where_settings_say_so(
    content: dict[str, Any], settings: dict[str, Any], masks: list[str]
) -> None:
    assert read_request(TaskType.IMAGE_TO_IMAGE, content).masks(settings) == masks
