"""Whole tasks on ComfyUI, from the API to the callback: what their senders get when things fail."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from easel_agent.runtimes.comfyui.adapter import ComfyUi
from easel_contract.errors import TaskErrorCode
from easel_contract.result import TaskResult
from easel_contract.storage import PAYLOAD_FOLDER
from easel_simulators.comfyui import Behaviour, SimulatedComfyUi
from easel_simulators.faults import Fault
from tests.unit.agent_world import BUCKET, eventually

from .reported_world import ReportedWorld, reported_world
from .simulated_comfyui import Api, empty_image, node, text_to_image

pytestmark = pytest.mark.integration

RUNTIMES = {"comfyruntime": {"type": "comfyui"}}
SECRET = "comfyui-0123456789abcdef"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SimulatedComfyUi]:
    with SimulatedComfyUi(Behaviour(base_directory=tmp_path)) as running:
        yield running


@pytest.fixture
def world(server: SimulatedComfyUi) -> Iterator[ReportedWorld]:
    runtime = ComfyUi(
        server.url, task_timeout_seconds=30, wait_seconds=30, files_dir=server.base_directory
    )
    with reported_world(runtime, "comfyui", RUNTIMES) as world:
        yield world


def request(content: dict[str, Any]) -> dict[str, Any]:
    metadata = {"id": "t", "runtime": "comfyruntime", "tasktype": "pipeline", "prefix": "p"}
    return {"task": {"metadata": metadata, "content": content}}


def names(result: TaskResult) -> list[str]:
    return [uri.rpartition(".")[2] for uri in result.image_url]


def test_a_full_memory_is_tried_again_on_the_same_pod(
    world: ReportedWorld, server: SimulatedComfyUi
) -> None:
    server.faults.add(Fault("out_of_memory"))
    result = world.done(request(text_to_image()))
    assert result.result, result.error
    assert result.attempts == 1
    assert server.stats()["jobs"] == 2


def test_a_failed_callback_names_what_was_saved_and_the_answer(
    world: ReportedWorld, server: SimulatedComfyUi
) -> None:
    Api(server.url).upload(b"no picture", "bad.png")
    late = {
        "3": node("LoadImage", image="bad.png"),
        "4": node("SaveImage", images=["3", 0], filename_prefix="b"),
    }
    result = world.done(request(empty_image(1) | late))
    assert result.error is not None
    assert result.error.code is TaskErrorCode.RUNTIME_FAILED
    assert names(result) == ["png"]
    assert world.read(result.image_url[0]).startswith(b"\x89PNG")
    assert world.answer(result)["status"]["status_str"] == "error"


def test_somebodys_interrupt_costs_a_try_and_no_task(
    world: ReportedWorld, server: SimulatedComfyUi
) -> None:
    server.faults.add(Fault("slow", seconds=60))
    api = Api(server.url)
    world.post(request(text_to_image()))
    eventually(lambda: bool(api.running()))
    eventually(lambda: api.post("/interrupt").ok and api.idle())
    [result] = world.results(1)
    assert result.result, result.error
    assert result.attempts == 2


def test_nothing_is_left_on_the_disk_when_tasks_have_ended(
    world: ReportedWorld, server: SimulatedComfyUi
) -> None:
    for number in range(3):
        assert world.done(request(empty_image(number, "a/b"))).result
    folder = server.base_directory
    eventually(lambda: not [one for one in folder.rglob("*") if one.is_file()])
    eventually(lambda: list((folder / "output").iterdir()) == [])


def test_a_key_is_in_nothing_that_is_stored_or_told(
    world: ReportedWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    workflow = {
        "1": node("TripoTextToModelNode", prompt="a lamp"),
        "2": node("Preview3D", model_file=["1", 0]),
        "3": node("PreviewAny", source=["4", 0]),
        "4": node("PrimitiveString", value=f"my key is {SECRET}"),
    }
    result = world.done(request({"prompt": workflow, "extra_data": {"api_key_comfy_org": SECRET}}))
    assert result.result, result.error
    assert names(result) == ["glb"]
    listed = world.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert len(listed) >= 2
    for found in listed:
        if not found["Key"].startswith(PAYLOAD_FOLDER):
            assert SECRET.encode() not in world.read(f"s3://{BUCKET}/{found['Key']}")
    assert SECRET not in json.dumps(result.model_dump(mode="json"))
    assert SECRET not in world.record(result.uid).model_dump_json()
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("easel")]
    assert not [message for message in ours if SECRET in message]
