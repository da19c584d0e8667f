"""What a failed workflow had made is kept, and what is a result is told, by the ComfyUI adapter."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from easel_agent.errors import RejectedTaskError, TransientError
from easel_agent.runtimes.base import Generation
from easel_agent.runtimes.comfyui.adapter import ComfyUi
from easel_agent.runtimes.job import Job
from easel_contract.errors import TaskErrorCode
from easel_contract.task import TaskType
from easel_simulators.comfyui import SimulatedComfyUi
from easel_simulators.faults import Fault
from tests.collected import generate

from .simulated_comfyui import Api, empty_image, node, text_to_image
from .simulated_runtime import until

pytestmark = pytest.mark.integration

SECRET = "comfyui-0123456789abcdef"


@pytest.fixture
def server() -> Iterator[SimulatedComfyUi]:
    with SimulatedComfyUi() as running:
        yield running


@pytest.fixture
def runtime(server: SimulatedComfyUi) -> ComfyUi:
    return ComfyUi(server.url, task_timeout_seconds=30.0, wait_seconds=60)


def fails_late(server: SimulatedComfyUi) -> dict[str, Any]:
    """A workflow that saves a picture and then fails at another node."""
    Api(server.url).upload(b"no picture", "nope.png")
    bad = {
        "3": node("LoadImage", image="nope.png"),
        "4": node("SaveImage", images=["3", 0], filename_prefix="b"),
    }
    return empty_image(1, "good") | bad


def collected(made: Any) -> tuple[dict[str, Any], list[str]]:
    generation: Generation = made()
    return json.loads(generation.answer), [file.name for file in generation.files]


def failure(runtime: ComfyUi, content: dict[str, Any]) -> Any:
    with pytest.raises((RejectedTaskError, TransientError)) as raised:
        # Not only when it is collected: the worker must know at once.
        runtime.generate(TaskType.PIPELINE, content, Job())
    return raised.value


def test_what_was_saved_before_a_failure_comes_with_it(
    server: SimulatedComfyUi, runtime: ComfyUi
) -> None:
    error = failure(runtime, fails_late(server))
    answer, names = collected(error.made)
    assert answer == json.loads(error.answer)
    assert answer["status"]["status_str"] == "error"
    assert len(names) == 1
    assert names[0].endswith("_good_00001_.png")


def test_a_failure_that_made_nothing_has_the_answer_alone(runtime: ComfyUi) -> None:
    error = failure(runtime, {"1": node("PreviewImage", images=["2", 0]), "2": node("Nope")})
    assert error.made is None
    assert json.loads(error.answer)["error"]["type"] == "invalid_prompt"


def test_what_an_overdue_or_interrupted_job_had_saved_is_kept(
    server: SimulatedComfyUi,
) -> None:
    runtime = ComfyUi(server.url, task_timeout_seconds=0.5, wait_seconds=60)
    server.faults.add(Fault("slow", seconds=60))
    error = failure(runtime, text_to_image() | empty_image(1, "good"))
    assert error.error.code is TaskErrorCode.DEADLINE_EXCEEDED
    assert json.loads(error.answer)["status"]["messages"][-1][0] == "execution_interrupted"


def test_an_interrupted_job_is_tried_again(server: SimulatedComfyUi, runtime: ComfyUi) -> None:
    server.faults.add(Fault("slow", seconds=60))
    api = Api(server.url)
    with ThreadPoolExecutor(1) as pool:
        task = pool.submit(failure, runtime, text_to_image())
        until(lambda: bool(api.running()), "the job runs")
        until(lambda: api.post("/interrupt").ok and api.idle(), "it is interrupted")
        error = task.result()
    assert isinstance(error, TransientError)
    assert "by somebody" in error.error.message
    assert generate(runtime, TaskType.PIPELINE, text_to_image()).pictures


def test_previews_alone_are_named_as_such(runtime: ComfyUi) -> None:
    workflow = empty_image(1, batch_size=2)
    workflow["2"] = node("PreviewImage", images=["1", 0])
    made = generate(runtime, TaskType.PIPELINE, workflow)
    assert len(made.pictures) == 2
    assert json.loads(made.answer)["easel"] == {
        "files": [{"number": 1, "kind": "preview"}, {"number": 2, "kind": "preview"}]
    }


def test_outputs_alone_need_no_word(runtime: ComfyUi) -> None:
    made = generate(runtime, TaskType.PIPELINE, empty_image(1))
    assert "easel" not in json.loads(made.answer)


def test_a_mesh_that_is_only_shown_is_fetched_where_it_lies(
    server: SimulatedComfyUi, runtime: ComfyUi
) -> None:
    (server.output_folder / "mesh").mkdir()
    (server.output_folder / "mesh" / "x.glb").write_bytes(b"glTF-mesh")
    workflow = empty_image(1) | {
        "2": node("PreviewImage", images=["1", 0]),
        "3": node("Preview3D", model_file="mesh/x.glb"),
    }
    made = generate(runtime, TaskType.PIPELINE, workflow)
    assert made.pictures == [b"glTF-mesh"]
    assert "easel" not in json.loads(made.answer)


def test_a_mesh_that_is_nowhere_is_told(runtime: ComfyUi) -> None:
    workflow = {"3": node("Preview3D", model_file="mesh/nowhere.glb")}
    with pytest.raises(RejectedTaskError, match=r"saved nothing: it shows mesh/nowhere\.glb"):
        generate(runtime, TaskType.PIPELINE, workflow)


def test_memory_is_freed_so_that_cached_results_go(
    server: SimulatedComfyUi, runtime: ComfyUi
) -> None:
    api = Api(server.url)
    workflow = empty_image(1)

    def cached() -> Any:
        messages = dict(api.run(workflow)["status"]["messages"])
        return messages["execution_cached"]["nodes"]

    assert cached() == []
    assert cached() != []
    runtime.free_memory()
    assert cached() == []


def test_a_key_for_api_nodes_reaches_comfyui_and_no_answer(runtime: ComfyUi) -> None:
    workflow = {
        "1": node("TripoTextToModelNode", prompt="a lamp"),
        "2": node("Preview3D", model_file=["1", 0]),
    }
    refused = failure(runtime, workflow)
    assert isinstance(refused, RejectedTaskError)
    assert "Please login" in refused.error.message
    body = {"prompt": workflow, "extra_data": {"api_key_comfy_org": SECRET}, "client_id": "mine"}
    made = generate(runtime, TaskType.PIPELINE, body)
    assert len(made.pictures) == 1
    assert SECRET.encode() not in made.answer


def test_a_key_that_a_server_repeats_is_in_no_error(
    runtime: ComfyUi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "easel_agent")
    extra = {"my_token": SECRET}
    workflow = {"1": node("LoadImage", image=SECRET), "2": node("PreviewImage", images=["1", 0])}
    error = failure(runtime, {"prompt": workflow, "extra_data": extra})
    assert SECRET not in str(error)
    assert SECRET not in error.error.message
    assert SECRET.encode() not in error.answer
    assert SECRET not in caplog.text
