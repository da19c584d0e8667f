"""The ComfyUI adapter against the simulated ComfyUI: every trap that was met with real servers."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from easel_agent.errors import (
    OutOfMemoryError,
    RejectedTaskError,
    RuntimeBrokenError,
    RuntimeDeadError,
    TransientError,
)
from easel_agent.runtimes.comfyui import adapter as comfyui_adapter
from easel_agent.runtimes.comfyui import api as comfyui_api
from easel_agent.runtimes.comfyui import job as comfyui_job
from easel_agent.runtimes.comfyui.adapter import ComfyUi
from easel_contract.errors import TaskErrorCode
from easel_contract.metrics import BrokenReason
from easel_contract.task import TaskType
from easel_simulators.comfyui import Behaviour, SimulatedComfyUi
from easel_simulators.faults import STICKY
from tests.collected import Made, generate

from .comfyui_stage import Stage, staged
from .simulated_comfyui import Workflow, empty_image, text_to_image
from .simulated_runtime import until

pytestmark = pytest.mark.integration

LONG_SECONDS = 60.0


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


def size_of(data: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(data)).size


def names(generation: Made) -> list[str]:
    outputs = json.loads(generation.answer)["outputs"]
    return [
        "/".join(filter(None, (item["subfolder"], item["filename"])))
        for keys in outputs.values()
        for items in keys.values()
        for item in items
    ]


def both_good_and_bad() -> Workflow:
    """Two outputs, one of which validation drops."""
    bad = {
        "3": {"class_type": "LoadImage", "inputs": {"image": "nope.png"}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "b"}},
    }
    return empty_image(1) | bad


def test_a_workflow_gives_its_pictures_and_the_whole_entry(stage: Stage) -> None:
    workflow = text_to_image()
    workflow["5"]["inputs"] |= {"width": 96, "batch_size": 3}
    generation = stage.generate(workflow)
    assert [size_of(data) for data in generation.pictures] == [(96, 64)] * 3
    answer = json.loads(generation.answer)
    assert answer["status"]["status_str"] == "success"
    assert answer["prompt"][2].keys() == workflow.keys()


def test_the_same_workflow_again_is_no_success_without_outputs(stage: Stage) -> None:
    first, second = (stage.generate(empty_image(5)) for _ in range(2))
    assert len(first.pictures) == len(second.pictures) == 1


def test_the_same_workflow_again_is_not_answered_with_a_file_since_deleted(stage: Stage) -> None:
    for _ in range(2):
        assert stage.generate(empty_image(5)).pictures
        for path in stage.server.output_folder.iterdir():
            path.unlink()


def test_a_file_number_that_comes_again_after_a_restart_is_not_another_tasks(stage: Stage) -> None:
    before = names(stage.generate(empty_image(1)))
    stage.server.restart()
    after = names(stage.generate(empty_image(2)))
    assert before != after
    assert before[0].endswith("_cap_00001_.png")
    assert after[0].endswith("_cap_00001_.png")


def test_subfolders_of_a_prefix_stay(stage: Stage) -> None:
    name = names(stage.generate(empty_image(1, "a/b")))[0]
    assert name.startswith("a/")
    assert name.endswith("_b_00001_.png")


def test_a_200_with_node_errors_is_a_rejected_task_and_its_job_is_cancelled(stage: Stage) -> None:
    stage.fault("slow", LONG_SECONDS)
    with pytest.raises(RejectedTaskError, match=r"node 3 \(LoadImage\).*nope\.png") as rejected:
        stage.generate(both_good_and_bad())
    assert rejected.value.error.code is TaskErrorCode.RUNTIME_REJECTED
    assert json.loads(rejected.value.answer or b"")["node_errors"].keys() == {"3"}
    assert stage.api.idle()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ckpt_name": "nope.safetensors"}, r"node 4 \(CheckpointLoaderSimple\).*nope"),
        ({"ckpt_name": "x" * 20_000}, r"node 4"),
        ({}, r"node 4 .*Required input is missing: ckpt_name"),
    ],
)
def test_a_400_names_the_node_in_a_bounded_message(
    stage: Stage, change: dict[str, Any], says: str
) -> None:
    workflow = text_to_image()
    workflow["4"]["inputs"] = change
    with pytest.raises(RejectedTaskError, match=says) as rejected:
        stage.generate(workflow)
    assert rejected.value.error.code is TaskErrorCode.RUNTIME_REJECTED
    assert len(rejected.value.error.message) < 600
    assert json.loads(rejected.value.answer or b"")["node_errors"].keys() == {"4"}


def test_an_unknown_node_class_is_named(stage: Stage) -> None:
    workflow = {"1": {"class_type": "Nope", "inputs": {}}}
    with pytest.raises(RejectedTaskError, match=r"node Nope does not exist"):
        stage.generate(workflow)


def test_the_editors_format_is_told_how_to_be_saved(stage: Stage) -> None:
    with pytest.raises(RejectedTaskError, match=r"Save \(API Format\)"):
        stage.generate({"nodes": [], "links": [], "version": 0.4})  # type: ignore[dict-item]


def test_another_task_type_is_refused(stage: Stage) -> None:
    with pytest.raises(RejectedTaskError) as rejected:
        generate(stage.runtime, TaskType.TEXT_TO_IMAGE, {"prompt": "a cat"})
    assert rejected.value.error.code is TaskErrorCode.UNSUPPORTED_TASK


def test_a_failed_run_with_some_outputs_is_a_failure_that_names_the_node(stage: Stage) -> None:
    stage.api.upload(b"no picture", "nope.png")
    with pytest.raises(RejectedTaskError, match=r"node 3 \(LoadImage\) failed: PIL") as rejected:
        stage.generate(both_good_and_bad())
    assert rejected.value.error.code is TaskErrorCode.RUNTIME_FAILED
    entry = json.loads(rejected.value.answer or b"")
    assert entry["status"]["status_str"] == "error"
    assert entry["outputs"].keys() == {"2"}


def test_a_full_memory_is_told_from_a_broken_device(stage: Stage) -> None:
    stage.fault("out_of_memory")
    with pytest.raises(OutOfMemoryError, match=r"node 3 \(KSampler\) failed") as failed:
        stage.generate(text_to_image())
    assert json.loads(failed.value.answer or b"")["status"]["status_str"] == "error"
    stage.runtime.free_memory()
    assert stage.generate(text_to_image()).pictures


@pytest.mark.parametrize("kind", ["cuda_error", *STICKY])
def test_an_error_that_stays_is_the_runtimes_end(stage: Stage, kind: str) -> None:
    stage.fault(kind)
    with pytest.raises(RuntimeBrokenError, match=r"node 3 \(KSampler\) failed: .*CUDA") as broken:
        stage.generate(text_to_image())
    assert broken.value.reason is BrokenReason.STICKY_DEVICE_ERROR


def test_a_workflow_that_mixes_devices_breaks_nothing_and_is_not_tried_again(stage: Stage) -> None:
    stage.fault("two_devices")
    with pytest.raises(RejectedTaskError, match="at least two devices"):
        stage.generate(text_to_image())
    assert stage.generate(text_to_image()).pictures


def test_a_run_that_someone_interrupts_is_tried_again_and_names_the_node(stage: Stage) -> None:
    stage.fault("slow", LONG_SECONDS)
    task = stage.later(text_to_image())
    until(stage.busy, "the job runs")
    until(lambda: stage.api.post("/interrupt").ok and stage.api.idle(), "it is interrupted")
    with pytest.raises(TransientError, match=r"interrupted by somebody at node \d \(\w+\)"):
        task.result()


def test_an_overdue_job_is_interrupted_and_gone_before_the_next_task(stage: Stage) -> None:
    stage.fault("slow", LONG_SECONDS)
    stage.runtime = ComfyUi(stage.server.url, task_timeout_seconds=0.3, wait_seconds=60)
    with pytest.raises(RejectedTaskError) as rejected:
        stage.generate(text_to_image())
    assert rejected.value.error.code is TaskErrorCode.DEADLINE_EXCEEDED
    assert stage.api.idle()
    assert stage.generate(empty_image(1)).pictures


def test_an_overdue_job_that_is_deaf_is_the_runtimes_end(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comfyui_job, "_CANCEL_SECONDS", 0.3)
    stage.fault("hang", LONG_SECONDS)
    stage.runtime = ComfyUi(stage.server.url, task_timeout_seconds=0.2, wait_seconds=60)
    with pytest.raises(RuntimeBrokenError, match="did not stop") as broken:
        stage.generate(text_to_image())
    assert broken.value.reason is BrokenReason.HANGS


def test_a_restart_loses_the_job_which_is_the_runtimes_death(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comfyui_job, "_QUEUE_CHECK_SECONDS", 0.1)
    stage.fault("slow", LONG_SECONDS)
    task = stage.later(text_to_image())
    until(stage.busy, "the job runs")
    stage.server.restart()
    with pytest.raises(RuntimeDeadError, match=r"lost the job|went away"):
        task.result()


def test_a_runtime_that_ends_is_dead(stage: Stage) -> None:
    stage.fault("slow", LONG_SECONDS)
    task = stage.later(text_to_image())
    until(stage.busy, "the job runs")
    stage.server.stop()
    with pytest.raises(RuntimeDeadError, match="went away"):
        task.result()
    assert not stage.runtime.is_ready()
    with pytest.raises(RuntimeDeadError, match="went away"):
        stage.generate(empty_image(1))


@pytest.mark.parametrize("kind", ["server_error", "drop_answer", "truncate"])
def test_a_job_whose_submission_went_wrong_may_be_there_all_the_same(
    stage: Stage, kind: str
) -> None:
    stage.fault(kind)
    assert stage.generate(empty_image(1)).pictures
    assert stage.server.stats()["jobs"] == 1


def test_a_job_whose_submission_timed_out_may_be_there_all_the_same(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comfyui_api, "ANSWER_SECONDS", 0.3)
    stage.fault("stall", LONG_SECONDS)
    assert stage.generate(empty_image(1)).pictures
    assert stage.server.stats()["jobs"] == 1


def test_a_lost_answer_does_not_hide_dropped_outputs(stage: Stage) -> None:
    stage.fault("drop_answer")
    with pytest.raises(RejectedTaskError, match=r"some outputs are missing: node 4"):
        stage.generate(both_good_and_bad())


@pytest.mark.parametrize("kind", ["bad_gateway", "drop"])
def test_a_job_that_was_not_taken_is_tried_again(stage: Stage, kind: str) -> None:
    stage.fault(kind)
    with pytest.raises(TransientError, match="did not take"):
        stage.generate(empty_image(1))
    assert stage.generate(empty_image(1)).pictures


def test_readiness_is_told_in_bounded_time_also_when_it_stalls(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stage.runtime.is_ready()
    # Real servers that work were seen to answer after more than a second.
    assert comfyui_adapter._PROBE_SECONDS >= 5
    monkeypatch.setattr(comfyui_adapter, "_PROBE_SECONDS", 0.2)
    with SimulatedComfyUi(Behaviour()) as silent:
        # Bound, with nobody who answers.
        silent._http.shutdown()
        assert not ComfyUi(silent.url, task_timeout_seconds=1, wait_seconds=60).is_ready()


def test_a_proxy_of_the_environment_is_not_asked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert stage.runtime.is_ready()
    assert stage.generate(empty_image(1)).pictures
