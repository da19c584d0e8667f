"""Pictures from elsewhere as inputs of a workflow, against the simulated ComfyUI."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from easel_agent.errors import RejectedTaskError, RuntimeDeadError
from easel_agent.runtimes.comfyui import ComfyUi
from easel_agent.runtimes.comfyui_workflow import FileInput
from easel_contract.task import TaskType
from easel_local.simulators.comfyui import SimulatedComfyUi
from tests.collected import generate

from .simulated_comfyui import Api, text_to_image

pytestmark = pytest.mark.integration

URL = "https://example.com/cats/cat.png"


@pytest.fixture
def server() -> Iterator[SimulatedComfyUi]:
    with SimulatedComfyUi() as running:
        yield running


@pytest.fixture
def runtime(server: SimulatedComfyUi) -> ComfyUi:
    return ComfyUi(server.url, task_timeout_seconds=30.0, wait_seconds=60)


def picture(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 16), colour).save(buffer, "PNG")
    return buffer.getvalue()


def load_and_save(*values: str) -> dict[str, Any]:
    workflow: dict[str, Any] = {}
    for index, value in enumerate(values):
        load, save = f"load{index}", f"save{index}"
        workflow[load] = {"class_type": "LoadImage", "inputs": {"image": value}}
        inputs = {"images": [load, 0], "filename_prefix": "x"}
        workflow[save] = {"class_type": "SaveImage", "inputs": inputs}
    return workflow


def colours(runtime: ComfyUi, workflow: dict[str, Any]) -> list[Any]:
    generation = generate(runtime, TaskType.PIPELINE, workflow)
    return [Image.open(io.BytesIO(data)).getpixel((0, 0)) for data in generation.pictures]


def test_the_server_tells_which_inputs_are_files(runtime: ComfyUi) -> None:
    workflow = load_and_save(URL, "in.png", "s3://bucket/b.png")
    assert runtime.file_inputs(workflow) == [
        FileInput("load0", "image", URL),
        FileInput("load2", "image", "s3://bucket/b.png"),
    ]


def test_a_prompt_that_begins_with_http_is_prose(runtime: ComfyUi) -> None:
    workflow = text_to_image()
    workflow["6"]["inputs"]["text"] = "http://example.com is a website, painted"
    assert runtime.file_inputs(workflow) == []
    assert generate(runtime, TaskType.PIPELINE, workflow).pictures


def test_fetched_files_take_the_place_of_their_urls(runtime: ComfyUi) -> None:
    workflow = load_and_save(URL, "s3://bucket/b.png", f"{URL}?again")
    first, second, third = runtime.file_inputs(workflow)
    files = {first: picture("red"), second: picture("blue"), third: picture("red")}
    ready = runtime.upload_inputs(workflow, files)
    assert colours(runtime, ready) == [(255, 0, 0), (0, 0, 255), (255, 0, 0)]
    assert ready["load0"] == ready["load2"]
    assert workflow["load0"]["inputs"]["image"] == URL


def test_the_name_that_the_server_gave_is_used(server: SimulatedComfyUi, runtime: ComfyUi) -> None:
    Api(server.url).upload(picture("green"), "in.png")
    name = runtime.upload(picture("red"), "in.png")
    assert name == "in (1).png"
    assert colours(runtime, load_and_save(name)) == [(255, 0, 0)]


def test_a_url_that_nobody_fetched_is_a_rejected_task(runtime: ComfyUi) -> None:
    with pytest.raises(RejectedTaskError, match="Invalid image file"):
        generate(runtime, TaskType.PIPELINE, load_and_save(URL))


def test_what_is_no_picture_fails_at_its_node(runtime: ComfyUi) -> None:
    workflow = load_and_save(URL)
    files = dict.fromkeys(runtime.file_inputs(workflow), b"no picture")
    with pytest.raises(RejectedTaskError, match=r"node load0 \(LoadImage\) failed"):
        generate(runtime, TaskType.PIPELINE, runtime.upload_inputs(workflow, files))


def test_an_upload_that_is_not_taken_is_a_rejected_task(runtime: ComfyUi) -> None:
    with pytest.raises(RejectedTaskError, match="400"):
        runtime.upload(b"data", "..")


def test_without_a_server_the_runtime_is_dead(server: SimulatedComfyUi, runtime: ComfyUi) -> None:
    server.stop()
    with pytest.raises(RuntimeDeadError):
        runtime.upload(b"data", "a.png")
    with pytest.raises(RuntimeDeadError):
        runtime.file_inputs(load_and_save(URL))
