"""What a task puts into ComfyUI's folders is gone after its end, and nothing else is."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from easel_agent.errors import CancelledTaskError, RejectedTaskError
from easel_agent.runtimes.comfyui.adapter import ComfyUi
from easel_agent.runtimes.comfyui.api import ComfyUiApi, OutputFile
from easel_agent.runtimes.comfyui.folders import ComfyUiFolders, TaskFiles
from easel_agent.runtimes.job import Job
from easel_agent.urls import ContentUrl
from easel_contract.task import TaskType
from easel_simulators.comfyui import Behaviour, SimulatedComfyUi
from tests.collected import generate

from .simulated_comfyui import Api, Workflow, empty_image, node
from .test_comfyui_adapter_inputs import load_and_save, picture

pytestmark = pytest.mark.integration

URL = "https://example.com/cat.png"


class Stage:
    """A simulated ComfyUI and an agent that has its folders."""

    def __init__(self, server: SimulatedComfyUi) -> None:
        self.server = server
        self.base = server.base_directory
        self.runtime = self.agent()

    def agent(self) -> ComfyUi:
        return ComfyUi(
            self.server.url, task_timeout_seconds=30, wait_seconds=30, files_dir=self.base
        )

    def place(self, runtime: ComfyUi, content: dict[str, Any], job: Job) -> dict[str, Any]:
        def fetch(urls: Iterable[ContentUrl]) -> dict[str, bytes]:
            return {one.url: picture("red") for one in urls}

        return runtime.place_inputs(content, fetch, job)

    def do(self, workflow: dict[str, Any]) -> int:
        """Does a task to its end; returns how many files it made."""
        job = Job()
        try:
            content = self.place(self.runtime, workflow, job)
            return len(generate(self.runtime, TaskType.PIPELINE, content, job).pictures)
        finally:
            job.ended()

    def files(self) -> set[str]:
        found = self.base.rglob("*")
        return {str(path.relative_to(self.base)) for path in found} - {
            "input",
            "input/3d",
            "output",
            "temp",
        }


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with SimulatedComfyUi(Behaviour(base_directory=tmp_path)) as server:
        yield Stage(server)


def every_kind() -> Workflow:
    frames = {"images": ["1", 0], "filename_prefix": "films/%year%/v"}
    combine = {"frame_rate": 8.0, "loop_count": 0, "format": "video/h264-mp4", "pingpong": False}
    return empty_image(1, "a/b/c", batch_size=2) | {
        "3": node("PreviewImage", images=["1", 0]),
        "4": node("VHS_VideoCombine", **frames, **combine, save_output=True),
    }


def test_nothing_of_a_task_is_left_when_it_has_ended(stage: Stage) -> None:
    assert stage.do(every_kind()) == 3
    assert stage.files() == set()


def test_a_tasks_files_are_there_until_it_has_ended(stage: Stage) -> None:
    job = Job()
    assert generate(stage.runtime, TaskType.PIPELINE, every_kind(), job).pictures
    # Two pictures, two previews, a video and the picture that its pack puts beside it.
    assert len([name for name in stage.files() if "." in name]) == 6
    job.ended()
    assert stage.files() == set()


def test_what_others_have_there_stays(stage: Stage) -> None:
    kept = {"output/a/mine.png", "input/mine.png", "temp/mine.png", "output/mine.glb"}
    for name in kept:
        (stage.base / name).parent.mkdir(exist_ok=True)
        (stage.base / name).write_bytes(b"mine")
        os.utime(stage.base / name, (0, 0))
    workflow = every_kind() | {"5": node("Preview3D", model_file="mine.glb")}
    assert stage.do(workflow) == 4
    assert stage.files() == kept | {"output/a"}


def test_a_foreign_jobs_files_stay(stage: Stage) -> None:
    entry = Api(stage.server.url).run(empty_image(7, "theirs"))
    name = entry["outputs"]["2"]["images"][0]["filename"]
    assert stage.do(empty_image(1, "theirs")) == 1
    assert stage.files() == {f"output/{name}"}


def test_the_same_workflow_again_makes_its_files_again(stage: Stage) -> None:
    preview = {"1": empty_image(5)["1"], "2": node("PreviewImage", images=["1", 0])}
    linked = empty_image(5) | {"3": node("PrimitiveString", value="linked")}
    linked["2"]["inputs"]["filename_prefix"] = ["3", 0]
    for workflow in (preview, linked, empty_image(5)):
        assert [stage.do(workflow) for _ in range(3)] == [1, 1, 1]
    assert stage.files() == set()


def test_a_failed_tasks_files_go_too(stage: Stage) -> None:
    Api(stage.server.url).upload(b"no picture", "bad.png")
    workflow = empty_image(1, "good") | {
        "3": node("LoadImage", image="bad.png"),
        "4": node("SaveImage", images=["3", 0], filename_prefix="b"),
    }
    with pytest.raises(RejectedTaskError):
        stage.do(workflow)
    assert stage.files() == {"input/bad.png"}


def test_a_task_that_was_stopped_before_it_began_leaves_nothing(stage: Stage) -> None:
    job = Job()
    content = stage.place(stage.runtime, load_and_save(URL), job)
    assert len(stage.files()) == 1
    job.stop(CancelledTaskError("not wanted"))
    with pytest.raises(CancelledTaskError):
        generate(stage.runtime, TaskType.PIPELINE, content, job)
    job.ended()
    assert stage.files() == set()


def test_an_input_stays_until_the_last_task_with_it_has_ended(stage: Stage) -> None:
    first, second, foreign = Job(), Job(), Job()
    contents = [stage.place(stage.runtime, load_and_save(URL), job) for job in (first, second)]
    stage.place(stage.agent(), load_and_save(URL), foreign)
    assert contents[0] == contents[1]
    assert len(stage.files()) == 2
    first.ended()
    assert generate(stage.runtime, TaskType.PIPELINE, contents[1], Job()).pictures
    second.ended()
    assert len([name for name in stage.files() if name.startswith("input/")]) == 1
    foreign.ended()
    assert not [name for name in stage.files() if name.startswith("input/")]


def test_a_loader_of_paths_finds_its_file_and_it_goes(stage: Stage) -> None:
    workflow = {
        "1": node("VHS_LoadImagePath", image=URL, custom_width=0, custom_height=0),
        "2": node("SaveImage", images=["1", 0], filename_prefix="x"),
        "3": node("VHS_LoadImages", directory=URL),
        "4": node("SaveImage", images=["3", 0], filename_prefix="y"),
    }
    assert stage.do(workflow) == 2
    assert stage.files() == set()


def test_tidying_up_opens_no_connection_by_which_jobs_tell_a_restart(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[ComfyUiApi] = []
    history_entry = ComfyUiApi.history_entry

    def noted(api: ComfyUiApi, prompt_id: str, seconds: float | None = None) -> Any:
        asked.append(api)
        return history_entry(api, prompt_id, seconds)

    job = Job()
    with pytest.raises(RejectedTaskError):
        generate(stage.runtime, TaskType.PIPELINE, {"1": node("Nope")}, job)
    monkeypatch.setattr(ComfyUiApi, "history_entry", noted)
    job.ended()
    assert asked == [stage.runtime._api]


def test_without_the_folders_nothing_is_deleted(stage: Stage) -> None:
    job = Job()
    runtime = ComfyUi(stage.server.url, task_timeout_seconds=30, wait_seconds=30)
    assert generate(runtime, TaskType.PIPELINE, empty_image(1), job).pictures
    job.ended()
    assert len(stage.files()) == 1


class Disk:
    """ComfyUI's folders, without a ComfyUI."""

    def __init__(self, root: Path) -> None:
        self.base = root / "comfyui"
        for kind in ("input", "output", "temp"):
            (self.base / kind).mkdir(parents=True)
        self.outside = root / "outside"
        self.outside.mkdir()
        self.idle = True
        self.folders = ComfyUiFolders(self.base, lambda: self.idle)

    def write(self, path: str) -> Path:
        file = self.base / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
        return file

    def delete(
        self, *listed: OutputFile, nonce: str = "nonce", folders: Iterable[str] = ()
    ) -> None:
        self.folders.delete_made(TaskFiles(nonce, [*listed], set(folders), 0.0))


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


@pytest.mark.parametrize(
    "file",
    [
        OutputFile("nonce.png", "../../outside", "output"),
        OutputFile("../../outside/nonce.png", "", "output"),
        OutputFile("nonce.png", "link", "output"),
        OutputFile("nonce.png", "", "input"),
        OutputFile("nonce.png", "", "models"),
        OutputFile("..", "", "output"),
        OutputFile("", "", "output"),
        OutputFile("a\x00b", "", "output"),
    ],
)
def test_nothing_outside_of_the_folders_is_deleted(disk: Disk, file: OutputFile) -> None:
    (disk.outside / "nonce.png").write_bytes(b"x")
    (disk.base / "output" / "link").symlink_to(disk.outside)
    kept = disk.write("input/nonce.png")
    disk.delete(file, folders=["link", "../../outside", "."])
    assert (disk.outside / "nonce.png").exists()
    assert kept.exists()


def test_a_link_in_a_files_place_is_left_alone(disk: Disk) -> None:
    target = disk.outside / "target"
    target.write_bytes(b"x")
    link = disk.base / "output" / "nonce.png"
    link.symlink_to(target)
    disk.delete(OutputFile("nonce.png", "", "output"))
    assert target.exists()
    assert link.is_symlink()


def test_a_folder_stays_while_comfyui_may_write_there(disk: Disk) -> None:
    disk.write("output/a/b/nonce_1.png")
    disk.idle = False
    disk.delete(folders=["a/b"])
    assert (disk.base / "output/a/b").is_dir()
    assert not list((disk.base / "output/a/b").iterdir())
    disk.idle = True
    disk.delete()
    assert not (disk.base / "output/a/b").exists()
    disk.delete(folders=["x"])
    assert not list((disk.base / "output").iterdir())


def test_a_deletion_that_is_refused_is_said_once_a_minute(
    disk: Disk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    files = [OutputFile(disk.write(f"output/{one}.png").name, "", "output") for one in "abc"]
    monkeypatch.setattr(os, "unlink", refuse)
    disk.delete(*files)
    assert caplog.text.count("were not deleted") == 1
    caplog.clear()
    disk.delete(OutputFile("gone.png", "", "output"), OutputFile("x", "gone", "temp"))
    assert caplog.text == ""
