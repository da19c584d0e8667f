"""The ComfyUI adapter against the simulated ComfyUI: what it takes for a task's outputs."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from easel_agent.errors import RejectedTaskError
from easel_agent.media_type import detect_media_type
from easel_agent.runtimes.comfyui import files as comfyui_files
from easel_agent.runtimes.comfyui.api import Answer, ComfyUiApi, OutputFile

from .comfyui_stage import Stage, staged
from .simulated_comfyui import empty_image

pytestmark = pytest.mark.integration


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


def test_every_kind_of_output_comes_in_the_workflows_order_without_previews(stage: Stage) -> None:
    generation = stage.generate(
        {
            "1": node("EmptyImage", width=64, height=64, batch_size=3, color=5),
            "9": node("PreviewImage", images=["1", 0]),
            "8": node("SaveAnimatedWEBP", **saving("an"), **WEBP),
            "2": node("SaveAnimatedPNG", **saving("an"), fps=6.0, compress_level=4),
            "3": node("VHS_VideoCombine", **saving("v"), **COMBINE),
            "4": node("SaveWEBM", **saving("w"), codec="vp9", fps=8.0, crf=32.0),
            "5": node("EmptyAudio", duration=1.0, sample_rate=44100, channels=2),
            "6": node("SaveAudio", audio=["5", 0], filename_prefix="audio/a"),
            "7": node("SaveAudioMP3", audio=["5", 0], filename_prefix="a", quality="128k"),
            "10": node("CreateVideo", images=["1", 0], fps=8.0),
            "11": node("SaveVideo", video=["10", 0], **VIDEO),
            "12": node("PrimitiveString", value="hello"),
            "13": node("PreviewAny", source=["12", 0]),
        }
    )
    found = [detect_media_type(data).extension for data in generation.pictures]
    assert found == ["webp", "apng", "gif", "webm", "flac", "mp3", "mp4"]
    assert json.loads(generation.answer)["outputs"]["13"] == {"text": ["hello"]}


def test_previews_are_the_result_where_nothing_else_is(stage: Stage) -> None:
    workflow = empty_image(1)
    workflow["2"] = node("PreviewImage", images=["1", 0])
    assert len(stage.generate(workflow).pictures) == 1


def test_text_alone_is_a_result(stage: Stage) -> None:
    workflow = {
        "1": node("PreviewAny", source=["2", 0]),
        "2": node("PrimitiveString", value="hello"),
    }
    generation = stage.generate(workflow)
    assert generation.pictures == []
    assert json.loads(generation.answer)["outputs"] == {"1": {"text": ["hello"]}}


def test_with_five_output_nodes_each_file_is_fetched_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[OutputFile] = []
    view = ComfyUiApi.view

    def counted(api: ComfyUiApi, file: OutputFile, max_bytes: int) -> Answer:
        fetched.append(file)
        return view(api, file, max_bytes)

    monkeypatch.setattr(ComfyUiApi, "view", counted)
    workflow = empty_image(1, batch_size=2)
    for number in range(3, 7):
        workflow[str(number)] = workflow["2"]
    assert len(stage.generate(workflow).pictures) == len(fetched) == 10
    assert len(set(fetched)) == 10


def test_a_file_that_is_too_large_is_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comfyui_files, "MAX_FILE_BYTES", 100)
    with pytest.raises(RejectedTaskError, match="too large"):
        stage.generate(empty_image(1))


def test_the_files_of_a_task_are_bounded_together(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comfyui_files, "MAX_TASK_BYTES", 1000)
    assert stage.generate(empty_image(1)).pictures
    with pytest.raises(RejectedTaskError, match="too large"):
        stage.generate(empty_image(1, batch_size=20))


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def saving(prefix: str) -> dict[str, Any]:
    return {"images": ["1", 0], "filename_prefix": prefix}


WEBP = {"fps": 6.0, "lossless": True, "quality": 80, "method": "default"}
VIDEO = {"filename_prefix": "video/v", "format": "auto", "codec": "auto"}
COMBINE = {
    "frame_rate": 8.0,
    "loop_count": 0,
    "format": "image/gif",
    "pingpong": False,
    "save_output": True,
}
