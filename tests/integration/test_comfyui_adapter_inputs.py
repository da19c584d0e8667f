"""Files from elsewhere as inputs of a workflow, against the simulated ComfyUI."""

import base64
import io
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from PIL import Image

from easel_agent.errors import RejectedTaskError, RuntimeDeadError
from easel_agent.runtimes.comfyui.adapter import ComfyUi
from easel_agent.runtimes.job import Job
from easel_agent.urls import ContentUrl
from easel_contract.errors import TaskErrorCode
from easel_contract.task import TaskType
from easel_simulators.comfyui import SimulatedComfyUi
from tests.collected import generate

from .simulated_comfyui import Api, empty_image, text_to_image

pytestmark = pytest.mark.integration

URL = "https://example.com/cats/cat.png"
SECRET = "comfyui-0123456789abcdef"


@pytest.fixture
def server() -> Iterator[SimulatedComfyUi]:
    with SimulatedComfyUi() as running:
        yield running


@pytest.fixture
def runtime(server: SimulatedComfyUi) -> ComfyUi:
    return ComfyUi(server.url, task_timeout_seconds=30.0, wait_seconds=60)


class Web:
    """What URLs point to."""

    def __init__(self, **files: bytes) -> None:
        self._files = files
        self.asked: list[str] = []

    def fetch(self, urls: Iterable[ContentUrl]) -> dict[str, bytes]:
        self.asked = [item.url for item in urls]
        return {url: self._files[url.rpartition("/")[2].partition(".")[0]] for url in self.asked}


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


def nothing(urls: Iterable[ContentUrl]) -> dict[str, bytes]:
    assert list(urls) == []
    return {}


def test_a_prompt_that_begins_with_http_is_prose(runtime: ComfyUi) -> None:
    workflow = text_to_image()
    workflow["6"]["inputs"]["text"] = "http://example.com is a website, painted"
    assert runtime.place_inputs(workflow, nothing, Job()) == workflow
    assert generate(runtime, TaskType.PIPELINE, workflow).pictures


def test_fetched_files_take_the_place_of_their_urls(runtime: ComfyUi) -> None:
    web = Web(cat=picture("red"), b=picture("blue"))
    workflow = load_and_save(URL, "s3://bucket/b.png", f"{URL}?again")
    ready = runtime.place_inputs(workflow, web.fetch, Job())
    assert colours(runtime, ready) == [(255, 0, 0), (0, 0, 255), (255, 0, 0)]
    assert ready["load0"] == ready["load2"]
    assert workflow["load0"]["inputs"]["image"] == URL
    assert web.asked == [URL, "s3://bucket/b.png", f"{URL}?again"]


def test_in_comfyuis_own_body_only_the_workflows_urls_are_fetched(
    server: SimulatedComfyUi, runtime: ComfyUi
) -> None:
    extra = {
        "extra_pnginfo": {"workflow": {"nodes": [{"image": URL}]}},
        "api_key_comfy_org": SECRET,
    }
    body = {"prompt": load_and_save(URL), "extra_data": extra, "client_id": "theirs"}
    web = Web(cat=picture("red"))
    ready = runtime.place_inputs(body, web.fetch, Job())
    assert web.asked == [URL]
    assert ready["extra_data"] == extra
    generation = generate(runtime, TaskType.PIPELINE, ready)
    assert len(generation.pictures) == 1
    assert SECRET.encode() not in generation.answer
    assert b"extra_pnginfo" in generation.answer
    assert "theirs" not in str(Api(server.url).get("/history"))


def test_what_is_no_file_input_becomes_base64(runtime: ComfyUi) -> None:
    workflow = empty_image(1)
    workflow["3"] = {"class_type": "SomeNode", "inputs": {"data": URL, "image_url": URL}}
    ready = runtime.place_inputs(workflow, Web(cat=b"a cat").fetch, Job())
    assert base64.b64decode(ready["3"]["inputs"]["data"]) == b"a cat"
    assert ready["3"]["inputs"]["image_url"] == URL


def test_the_name_that_the_server_gave_is_used(server: SimulatedComfyUi, runtime: ComfyUi) -> None:
    web = Web(cat=picture("red"))
    name = runtime.place_inputs(load_and_save(URL), web.fetch, Job())["load0"]["inputs"]["image"]
    # As a broken upload of before may have left it.
    (server.base_directory / "input" / name).write_bytes(picture("green"))
    ready = runtime.place_inputs(load_and_save(URL), web.fetch, Job())
    assert " (1)" in ready["load0"]["inputs"]["image"]
    assert colours(runtime, ready) == [(255, 0, 0)]


def test_a_url_that_nobody_fetched_is_a_rejected_task(runtime: ComfyUi) -> None:
    with pytest.raises(RejectedTaskError, match="Invalid image file"):
        generate(runtime, TaskType.PIPELINE, load_and_save(URL))


def test_what_is_no_picture_fails_at_its_node(runtime: ComfyUi) -> None:
    ready = runtime.place_inputs(load_and_save(URL), Web(cat=b"no picture").fetch, Job())
    with pytest.raises(RejectedTaskError, match=r"node load0 \(LoadImage\) failed"):
        generate(runtime, TaskType.PIPELINE, ready)


@pytest.mark.parametrize("folder", ["..", "a/../../b"])
def test_an_upload_that_is_not_taken_is_a_rejected_task(runtime: ComfyUi, folder: str) -> None:
    with pytest.raises(RejectedTaskError, match="400") as refused:
        runtime._upload(b"data", "x.png", folder)
    assert refused.value.error.code is TaskErrorCode.RUNTIME_REJECTED


def test_without_a_server_the_runtime_is_dead(server: SimulatedComfyUi, runtime: ComfyUi) -> None:
    server.stop()
    with pytest.raises(RuntimeDeadError):
        runtime.place_inputs(load_and_save(URL), Web(cat=b"").fetch, Job())
    with pytest.raises(RuntimeDeadError):
        runtime._upload(b"data", "a.png", "")
