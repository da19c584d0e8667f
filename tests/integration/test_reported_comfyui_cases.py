"""Public reports on ComfyUI and its like, each as its sender's request, to its callback."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from easel_agent.runtimes.comfyui.adapter import ComfyUi
from easel_contract.errors import TaskErrorCode
from easel_simulators.comfyui import SimulatedComfyUi
from easel_simulators.faults import Fault
from tests.unit.agent_world import BUCKET, eventually

from .reported_world import CASES, ReportedWorld, case, reported_world
from .simulated_comfyui import node

pytestmark = pytest.mark.integration

RUNTIMES = {"comfyruntime": {"type": "comfyui"}}


@pytest.fixture
def comfyui() -> Iterator[SimulatedComfyUi]:
    with SimulatedComfyUi() as server:
        yield server


@pytest.fixture
def world(comfyui: SimulatedComfyUi) -> Iterator[ReportedWorld]:
    runtime = ComfyUi(comfyui.url, task_timeout_seconds=30, wait_seconds=30)
    with reported_world(runtime, "comfyui", RUNTIMES) as world:
        yield world


def jobs(server: SimulatedComfyUi) -> int:
    count = server.stats()["jobs"]
    assert isinstance(count, int)
    return count


def with_prefix(prefix: str) -> dict[str, Any]:
    request: dict[str, Any] = case("23-chinese-prefix-in-the-local-stack/request.json")
    request["task"]["content"]["2"]["inputs"]["filename_prefix"] = prefix
    return request


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(case("10-prefix-with-two-dots/request.json"), id="two dots"),
        pytest.param(case("23-chinese-prefix-in-the-local-stack/request.json"), id="Chinese"),
        pytest.param(case("24-long-prefix/request.json"), id="80 Chinese characters"),
        pytest.param(with_prefix("a" * 240), id="240 letters"),
        pytest.param(with_prefix("🐕" * 70), id="70 emoji"),
        pytest.param(with_prefix("..lamp.."), id="dots at both ends"),
        pytest.param(with_prefix("夏天/..../狗…"), id="dots in a folder"),
        pytest.param(with_prefix("图片/" + "狗" * 90), id="a long name in a folder"),
        pytest.param(with_prefix("lamp\ntwo\tthree\x7f"), id="control characters"),
        pytest.param(with_prefix(""), id="none"),
        pytest.param(with_prefix("lamp "), id="a blank at the end"),
    ],
)
def test_whatever_a_file_is_called_one_run_makes_one_picture(
    world: ReportedWorld, comfyui: SimulatedComfyUi, request_: dict[str, Any]
) -> None:
    result = world.done(request_)
    assert result.result, result.error
    assert len(result.image_url) == 1
    assert world.read(result.image_url[0]).startswith(b"\x89PNG")
    assert jobs(comfyui) == 1


def test_a_runtime_poisoned_by_a_cuda_error_is_given_up(
    world: ReportedWorld, comfyui: SimulatedComfyUi
) -> None:
    fault = case("04-runtime-poisoned-by-a-cuda-error/fault.json")
    comfyui.faults.add(Fault(fault["kind"], count=fault["count"]))
    request = case("04-runtime-poisoned-by-a-cuda-error/request.json")
    uids = []
    for number in range(4):
        request["task"]["metadata"]["id"] = f"case-04-{number}"
        uids.append(world.post(request))
    eventually(lambda: "broken" in (world.agent.monitor.failure(900) or ""))
    eventually(lambda: world.waiting() == 4)
    assert world.dead_letters() == 0
    assert [world.record(uid).attempts for uid in uids] == [0] * 4
    world.no_more_results()
    assert jobs(comfyui) <= 2


def test_two_devices_are_the_workflows_mistake(
    world: ReportedWorld, comfyui: SimulatedComfyUi
) -> None:
    comfyui.faults.add(Fault("two_devices"))
    result = world.done(case("04-runtime-poisoned-by-a-cuda-error/request.json"))
    assert result.error is not None
    assert (result.error.code, result.error.retryable, result.attempts) == (
        TaskErrorCode.RUNTIME_FAILED,
        False,
        1,
    )
    assert "found at least two devices" in result.error.message
    assert world.dead_letters() == 0


def test_speech_without_id3_is_an_input(world: ReportedWorld) -> None:
    head = bytes.fromhex((CASES / "15-mp3-without-id3" / "head.hex").read_text())
    world.s3.put_object(Bucket=BUCKET, Key="in/speech.mp3", Body=head + bytes(4000))
    result = world.done(case("15-mp3-without-id3/request.json"))
    assert result.result, result.error


def test_meshes_are_stored_as_meshes(world: ReportedWorld) -> None:
    request = case("10-prefix-with-two-dots/request.json")
    request["task"]["content"] = {
        "1": node("TripoTextToModelNode", prompt="a lamp"),
        "2": node("Preview3D", model_file=["1", 0]),
    }
    content = request["task"]["content"]
    body = {"prompt": content, "extra_data": {"api_key_comfy_org": "comfyui-secret-1"}}
    request["task"]["content"] = body
    result = world.done(request)
    assert result.result, result.error
    assert [uri.rpartition(".")[2] for uri in result.image_url] == ["glb"]
    told = world.read(result.output_url or "") + json.dumps(result.model_dump(mode="json")).encode()
    assert b"comfyui-secret-1" not in told
