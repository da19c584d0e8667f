"""What is reported of ComfyUI beside the cases, of the same kinds, as senders' requests."""

from collections.abc import Iterator
from typing import Any

import pytest

from easel_agent.runtimes.comfyui.adapter import ComfyUi
from easel_contract.errors import TaskErrorCode
from easel_simulators.comfyui import SimulatedComfyUi
from tests.unit.agent_world import BUCKET

from .reported_world import ReportedWorld, reported_world
from .simulated_comfyui import node

pytestmark = pytest.mark.integration

PICTURE = node("EmptyImage", width=64, height=64, batch_size=1, color=7)
SOUND = node("EmptyAudio", duration=0.5, sample_rate=48000, channels=2)
SAVED = {"1": PICTURE, "2": node("SaveImage", images=["1", 0], filename_prefix="x")}


@pytest.fixture
def world() -> Iterator[ReportedWorld]:
    with SimulatedComfyUi() as server:
        runtime = ComfyUi(server.url, task_timeout_seconds=30, wait_seconds=30)
        with reported_world(runtime, "comfyui", {"comfyruntime": {"type": "comfyui"}}) as world:
            yield world


def task(content: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        "id": "sibling",
        "runtime": "comfyruntime",
        "tasktype": "pipeline",
        "prefix": "cases",
    }
    return {"task": {"metadata": metadata, "content": content}}


def saved_as(prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Workflows that save something under a prefix, with the extension of what they save."""
    yield "flac", {"1": SOUND, "2": node("SaveAudio", audio=["1", 0], filename_prefix=prefix)}
    video = {"frame_rate": 8, "loop_count": 0, "format": "video/h264-mp4", "pingpong": False}
    combine = node(
        "VHS_VideoCombine", images=["1", 0], filename_prefix=prefix, save_output=True, **video
    )
    yield "mp4", {"1": PICTURE, "2": combine}
    yield (
        "glb",
        {
            "1": node("CheckpointLoaderSimple", ckpt_name="sd15-a.safetensors"),
            "2": node("EmptyLatentHunyuan3Dv2", resolution=3072, batch_size=1),
            "3": node(
                "VAEDecodeHunyuan3D",
                samples=["2", 0],
                vae=["1", 2],
                num_chunks=8000,
                octree_resolution=256,
            ),
            "4": node("VoxelToMesh", voxel=["3", 0], algorithm="basic", threshold=0.6),
            "5": node("SaveGLB", mesh=["4", 0], filename_prefix=prefix),
        },
    )


@pytest.mark.parametrize(
    "prefix", ["图片/夏天...🐕 2.mp4", "%year%-%month%/" + "狗" * 90, "a%20b+c#d?e&f='\"/\u0000x"]
)
def test_whatever_saves_it_a_name_is_no_reason_to_fail(world: ReportedWorld, prefix: str) -> None:
    for extension, workflow in saved_as(prefix):
        result = world.done(task(workflow))
        assert result.result, result.error
        assert [uri.rpartition(".")[2] for uri in result.image_url] == [extension]
        assert result.attempts == 1


def failing(kind: str) -> dict[str, Any]:
    return {
        **SAVED,
        "3": node("ProbeFail", image=["1", 0], kind=kind),
        "4": node("PreviewImage", images=["3", 0]),
    }


REFUSED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("editor saves", {"nodes": [], "links": []}),
    ("editor saves", {"prompt": {"nodes": [], "links": []}}),
    ("'input' has no class_type", {"input": {"workflow": SAVED}}),
    ("has no nodes", {"prompt": {}}),
    ("'prompt' is no object", {"prompt": "{}"}),
    ('"extra_data" in content is no object', {"prompt": SAVED, "extra_data": []}),
    ("NoSuchNode", {"1": PICTURE, "2": node("NoSuchNode")}),
    ("has no outputs", {"1": PICTURE}),
    (
        "outputs would be missing",
        {**SAVED, "3": node("SaveImage", images=["9", 0], filename_prefix="y")},
    ),
    ("Required input is missing", {"1": PICTURE, "2": node("SaveImage", filename_prefix="y")}),
    ("saved nothing", {"1": node("Preview3D", model_file="mesh/x.glb")}),
    ("ValueError: the probe fails", failing("ValueError")),
)


def test_a_workflow_that_cannot_be_done_is_told_so_at_once(world: ReportedWorld) -> None:
    for said, content in REFUSED:
        result = world.done(task(content))
        assert result.error is not None, content
        assert said in result.error.message
        assert not result.error.retryable, said
        assert result.attempts <= 1, said
    assert world.dead_letters() == 0


def test_memory_that_the_processor_lacks_is_tried_again_and_what_was_saved_is_kept(
    world: ReportedWorld,
) -> None:
    result = world.done(task(failing("MemoryError")))
    assert result.error is not None
    assert (result.error.code, result.error.retryable) == (TaskErrorCode.RUNTIME_FAILED, True)
    assert result.attempts == 2
    assert [uri.rpartition(".")[2] for uri in result.image_url] == ["png"]


@pytest.mark.parametrize(
    "content",
    [
        {"prompt": SAVED, "client_id": "me", "prompt_id": "mine", "number": -1, "front": True},
        {"prompt": SAVED, "extra_data": None},
        {
            "57:8": PICTURE,
            "2": {**node("SaveImage", images=["57:8", 0], filename_prefix="x"), "_meta": {}},
        },
    ],
    ids=["a whole body", "a body with null", "a subgraph's ids"],
)
def test_bodies_as_they_are_pasted_are_taken(world: ReportedWorld, content: dict[str, Any]) -> None:
    result = world.done(task(content))
    assert result.result, result.error
    assert len(result.image_url) == 1


def test_keys_of_any_letters_are_fetched(world: ReportedWorld) -> None:
    picture = world.read(world.done(task(SAVED)).image_url[0])
    for key in ("in/a+b%20c.png", "图片/狗 1.png", "a#b?c=d.png", "q'\"x.PNG", "no extension"):
        world.s3.put_object(Bucket=BUCKET, Key=key, Body=picture)
        loaded = node("LoadImage", image=f" S3://{BUCKET}/{key}\r\n")
        save = node("SaveImage", images=["1", 0], filename_prefix="x")
        result = world.done(task({"1": loaded, "2": save}))
        assert result.result, (key, result.error)
