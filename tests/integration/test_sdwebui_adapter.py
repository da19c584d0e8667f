"""The SD WebUI adapter against a server that answers as the recordings do: every trap is met."""

import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
import requests
from PIL import Image

from easel_agent.errors import RejectedTaskError, RuntimeDeadError, TransientError
from easel_agent.runtimes.job import Job
from easel_agent.runtimes.sdwebui.adapter import SdWebUi
from easel_agent.urls import ContentUrl
from easel_contract.errors import TaskErrorCode
from easel_contract.task import TaskType
from easel_simulators.faults import Fault
from easel_simulators.sdwebui import Behaviour, SimulatedSdWebui
from tests.collected import Made, generate

from .simulated_runtime import as_text

pytestmark = pytest.mark.integration

SMALL = {"prompt": "a cat", "steps": 2, "width": 64, "height": 64, "seed": 1}
PICTURE = as_text(Image.new("RGB", (96, 64), "red"))
T2I = TaskType.TEXT_TO_IMAGE


def adapter(url: str, *, timeout: float = 20, dynamic: bool = False) -> SdWebUi:
    return SdWebUi(url, task_timeout_seconds=timeout, wait_seconds=60, dynamic_model=dynamic)


def named(checkpoint: Any, **more: Any) -> dict[str, Any]:
    """Content that names its checkpoint."""
    return SMALL | {"alwayson_scripts": {"sd_model_checkpoint": checkpoint}} | more


def sizes(generation: Made) -> list[tuple[int, int]]:
    return [Image.open(io.BytesIO(picture)).size for picture in generation.pictures]


def made_by(generation: Made) -> str:
    name: str = json.loads(json.loads(generation.answer)["info"])["sd_model_name"]
    return name


@pytest.fixture
def webui() -> Iterator[SimulatedSdWebui]:
    with SimulatedSdWebui(Behaviour(scripts=("controlnet",), version="1.8.0")) as server:
        yield server


@pytest.mark.parametrize(
    ("tasktype", "content", "expected"),
    [
        (T2I, SMALL, [(64, 64)]),
        (T2I, SMALL | {"batch_size": 2, "n_iter": 2}, [(64, 64)] * 4),
        (T2I, SMALL | {"alwayson_scripts": {}}, [(64, 64)]),
        (TaskType.IMAGE_TO_IMAGE, SMALL | {"init_images": [PICTURE]}, [(64, 64)]),
        (
            TaskType.EXTRA_SINGLE_IMAGE,
            {"image": PICTURE, "upscaler_1": "Lanczos", "upscaling_resize": 2},
            [(192, 128)],
        ),
        (
            TaskType.EXTRA_BATCH_IMAGES,
            {
                "imageList": [{"data": PICTURE, "name": n} for n in ("a.png", "b.png")],
                "upscaler_1": "Nearest",
                "upscaling_resize": 3,
            },
            [(288, 192)] * 2,
        ),
    ],
)
def test_every_task_type(
    webui: SimulatedSdWebui,
    tasktype: TaskType,
    content: dict[str, Any],
    expected: list[tuple[int, int]],
) -> None:
    generation = generate(adapter(webui.url), tasktype, content)
    assert sizes(generation) == expected
    assert isinstance(json.loads(generation.answer), dict)


def test_a_pipeline_is_none_of_them(webui: SimulatedSdWebui) -> None:
    with pytest.raises(RejectedTaskError) as refused:
        generate(adapter(webui.url), TaskType.PIPELINE, {})
    assert refused.value.error.code is TaskErrorCode.UNSUPPORTED_TASK


@pytest.mark.parametrize(
    ("tasktype", "content", "says"),
    [
        (T2I, SMALL | {"steps": "abc"}, "422: .*value is not a valid integer"),
        (T2I, SMALL | {"script_name": "nope"}, "422: .*Script 'nope' not found"),
        (T2I, SMALL | {"alwayson_scripts": {"nope": {"args": []}}}, "Script 'nope' not found"),
        (T2I, SMALL | {"steps": 0}, "500: ZeroDivisionError"),
        (T2I, SMALL | {"width": 0}, "500: RuntimeError: .*Kernel size can't be greater"),
        (T2I, SMALL | {"width": -64}, "500: RuntimeError: .*negative dimension"),
        (TaskType.IMAGE_TO_IMAGE, SMALL, "404: .*Init image not found"),
        (TaskType.IMAGE_TO_IMAGE, SMALL | {"init_images": ["!!"]}, "500: .*Invalid encoded image"),
        (
            TaskType.EXTRA_SINGLE_IMAGE,
            {"image": PICTURE, "upscaler_1": "Nope"},
            "500: AssertionError: could not find upscaler",
        ),
        (TaskType.EXTRA_SINGLE_IMAGE, {"upscaler_1": "Lanczos"}, "Invalid encoded image"),
    ],
)
def test_a_callers_mistake_is_rejected_whatever_its_status(
    webui: SimulatedSdWebui, tasktype: TaskType, content: dict[str, Any], says: str
) -> None:
    with pytest.raises(RejectedTaskError, match=says) as refused:
        generate(adapter(webui.url), tasktype, content)
    assert refused.value.error.code is TaskErrorCode.RUNTIME_REJECTED
    assert json.loads(refused.value.answer or b"").keys() >= {"detail"}


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("out_of_memory", b"OutOfMemoryError"),
        ("bad_gateway", b"<h1>502 Bad Gateway</h1>"),
    ],
)
def test_a_real_failure_is_tried_again_and_its_answer_kept(
    webui: SimulatedSdWebui, kind: str, answer: bytes
) -> None:
    webui.faults.add(Fault(kind))
    runtime = adapter(webui.url)
    with pytest.raises(TransientError) as failed:
        generate(runtime, T2I, SMALL)
    assert answer in (failed.value.answer or b"")
    assert sizes(generate(runtime, T2I, SMALL)) == [(64, 64)]


@pytest.mark.parametrize("kind", ["drop", "drop_answer", "truncate"])
def test_a_connection_that_ends_is_a_dead_runtime_or_tried_again(
    webui: SimulatedSdWebui, kind: str
) -> None:
    webui.faults.add(Fault(kind))
    with pytest.raises((RuntimeDeadError, TransientError)):
        generate(adapter(webui.url), T2I, SMALL)


def test_no_server_is_a_dead_runtime_not_a_failed_task() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        runtime = adapter(url)
        assert not runtime.is_ready()
        for act in (
            lambda: generate(runtime, T2I, SMALL),
            lambda: generate(runtime, T2I, named("x")),
            lambda: runtime.warm_up(Job()),
        ):
            with pytest.raises(RuntimeDeadError):
                act()


def test_it_is_ready_before_its_model_is_and_the_warm_up_pays() -> None:
    with SimulatedSdWebui(Behaviour(load_seconds=1.0)) as webui:
        runtime = adapter(webui.url)
        assert runtime.is_ready()
        runtime.warm_up(Job())
        started = time.monotonic()
        generate(runtime, T2I, SMALL)
        assert time.monotonic() - started < 1.0


@pytest.mark.parametrize(
    "name", ["sd15-b.safetensors", "sd15-b", "title", "Stable-diffusion/sd15-b.safetensors"]
)
def test_a_dynamic_runtime_loads_a_checkpoint_by_any_of_its_names(
    webui: SimulatedSdWebui, name: str
) -> None:
    if name == "title":
        models = requests.get(f"{webui.url}/sdapi/v1/sd-models", timeout=5).json()
        name = next(model["title"] for model in models if model["model_name"] == "sd15-b")
        assert "[" in name
    generation = generate(adapter(webui.url, dynamic=True), T2I, named(name))
    assert made_by(generation) == "sd15-b"


def test_an_unknown_checkpoint_is_rejected_and_an_unnamed_one_is_the_first_of_the_process(
    webui: SimulatedSdWebui,
) -> None:
    runtime = adapter(webui.url, dynamic=True)
    assert made_by(generate(runtime, T2I, named("sd15-b"))) == "sd15-b"
    known = r"known: sd15-a\.safetensors, sd15-b\.safetensors"
    with pytest.raises(RejectedTaskError, match=f"no checkpoint 'nope'; {known}"):
        generate(runtime, T2I, named("nope"))
    assert made_by(generate(runtime, T2I, SMALL)) == "sd15-a"


@pytest.mark.parametrize("name", ["", 3, None, ["a"]])
def test_a_checkpoint_that_is_no_name_is_rejected(webui: SimulatedSdWebui, name: Any) -> None:
    with pytest.raises(RejectedTaskError, match="must be a file's name"):
        generate(adapter(webui.url, dynamic=True), T2I, named(name))


def test_a_static_runtime_takes_the_checkpoint_it_has_and_no_other(
    webui: SimulatedSdWebui,
) -> None:
    runtime = adapter(webui.url)
    assert made_by(generate(runtime, T2I, named("sd15-a.safetensors"))) == "sd15-a"
    with pytest.raises(RejectedTaskError, match="does not switch checkpoints"):
        generate(runtime, T2I, named("sd15-b.safetensors"))


def test_an_override_with_an_unknown_checkpoint_is_rejected_not_drawn_by_another(
    webui: SimulatedSdWebui,
) -> None:
    runtime = adapter(webui.url)
    with pytest.raises(RejectedTaskError, match="no checkpoint 'nope'"):
        generate(runtime, T2I, SMALL | {"override_settings": {"sd_model_checkpoint": "nope"}})
    other = SMALL | {"override_settings": {"sd_model_checkpoint": "sd15-b.safetensors"}}
    with pytest.raises(RejectedTaskError, match="does not switch checkpoints"):
        generate(runtime, T2I, other)
    assert made_by(generate(adapter(webui.url, dynamic=True), T2I, other)) == "sd15-b"


def test_a_200_with_the_wrong_model_is_caught(webui: SimulatedSdWebui) -> None:
    runtime = adapter(webui.url, dynamic=True)
    real_post = runtime._api.post

    def drawn_by_another(path: str, body: Any, seconds: float) -> bytes:
        # A server that does not do what it is asked to.
        if path == "/sdapi/v1/txt2img":
            body = body | {"override_settings": {"sd_model_checkpoint": "sd15-a.safetensors"}}
        return real_post(path, body, seconds)

    with (
        patch.object(runtime._api, "post", drawn_by_another),
        pytest.raises(TransientError, match=r"used sd15-a \[.*\], not sd15-b"),
    ):
        generate(runtime, T2I, named("sd15-b"))


def test_a_peer_whose_info_is_empty_is_believed(webui: SimulatedSdWebui) -> None:
    runtime = adapter(webui.url)
    real_post = runtime._api.post

    def without_info(path: str, body: Any, seconds: float) -> bytes:
        answer = json.loads(real_post(path, body, seconds))
        images = [f"data:image/png;base64,{image}" for image in answer["images"]]
        return json.dumps({"images": images, "info": ""}).encode()

    with patch.object(runtime._api, "post", without_info):
        assert sizes(generate(runtime, T2I, SMALL)) == [(64, 64)]


def test_an_overdue_task_is_stopped_before_the_next_one_begins() -> None:
    with SimulatedSdWebui(Behaviour(service_seconds=30)) as webui:
        runtime = adapter(webui.url, timeout=0.5)
        started = time.monotonic()
        with pytest.raises(RejectedTaskError, match=r"longer than 0\.5 s") as refused:
            generate(runtime, T2I, SMALL)
        assert refused.value.error.code is TaskErrorCode.DEADLINE_EXCEEDED
        assert time.monotonic() - started < 10
        state = requests.get(f"{webui.url}/sdapi/v1/progress", timeout=5).json()["state"]
        assert state["job_count"] == 0


def test_urls_become_base64_anywhere_but_in_prose(webui: SimulatedSdWebui) -> None:
    content = {
        "prompt": "https://example.com/x.png",
        "init_images": ["https://example.com/a.png"],
        "alwayson_scripts": {"controlnet": {"args": [{"input_image": "s3://b/k.png"}]}},
    }
    asked: list[ContentUrl] = []

    def fetch(urls: Any) -> dict[str, bytes]:
        asked.extend(urls)
        return {item.url: item.url.encode() for item in asked}

    placed = adapter(webui.url).place_inputs(content, fetch, Job())
    assert [item.field for item in asked] == [
        "init_images[0]",
        "alwayson_scripts.controlnet.args[0].input_image",
    ]
    assert placed["prompt"] == "https://example.com/x.png"
    assert placed["init_images"] == ["aHR0cHM6Ly9leGFtcGxlLmNvbS9hLnBuZw=="]
    assert placed["alwayson_scripts"]["controlnet"]["args"][0]["input_image"] == "czM6Ly9iL2sucG5n"


def test_a_busy_runtime_is_not_taken_for_a_dead_one() -> None:
    with SimulatedSdWebui(Behaviour(service_seconds=1.0)) as busy:
        runtime = adapter(busy.url)
        job = threading.Thread(target=generate, args=(runtime, T2I, SMALL))
        job.start()
        assert adapter(busy.url).is_ready()
        job.join()
    assert not adapter(busy.url).is_ready()
