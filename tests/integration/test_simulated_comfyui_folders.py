"""What the simulated ComfyUI keeps on disk, and what becomes of it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from easel_simulators.comfyui import Behaviour, SimulatedComfyUi

from .simulated_comfyui import Api, Workflow, empty_image

pytestmark = pytest.mark.integration


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SimulatedComfyUi]:
    with SimulatedComfyUi(Behaviour(base_directory=tmp_path / "comfyui")) as running:
        yield running


@pytest.fixture
def api(server: SimulatedComfyUi) -> Api:
    return Api(server.url)


def with_preview() -> Workflow:
    """A workflow that saves a picture and shows it."""
    preview = {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
    return {**empty_image(1, "deep/n"), "3": preview}


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_saved_shown_and_uploaded_files_lie_on_disk(server: SimulatedComfyUi, api: Api) -> None:
    api.upload(b"content", "in.png", subfolder="job1")
    outputs = api.run(with_preview())["outputs"]
    shown = outputs["3"]["images"][0]["filename"]
    assert files(server.base_directory) == {
        "input/job1/in.png",
        "output/deep/n_00001_.png",
        f"temp/{shown}",
    }
    assert (server.output_folder / "deep" / "n_00001_.png").read_bytes() == api.view(
        filename="n_00001_.png", subfolder="deep"
    ).content


def test_a_deleted_file_is_not_found_and_a_repeat_lists_it_again(
    server: SimulatedComfyUi, api: Api
) -> None:
    (file,) = api.run(empty_image(1))["outputs"]["2"]["images"]
    (server.output_folder / file["filename"]).unlink()
    assert api.view(**file).status_code == 404
    assert api.run(empty_image(1))["outputs"]["2"]["images"] == [file]
    assert api.view(**file).status_code == 404


def test_a_deleted_input_is_refused_afterwards(server: SimulatedComfyUi, api: Api) -> None:
    (file,) = api.run(empty_image(1))["outputs"]["2"]["images"]
    content = api.view(**file).content
    loading = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a/in.png"}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    api.upload(content, "in.png", subfolder="a")
    assert api.run(loading)["status"]["completed"]
    (server.base_directory / "input" / "a" / "in.png").unlink()
    answer = api.post("/prompt", {"prompt": loading})
    assert (answer.status_code, "Invalid image file: a/in.png" in answer.text) == (400, True)


def test_an_emptied_folder_is_made_again(server: SimulatedComfyUi, api: Api) -> None:
    api.run(empty_image(1, "deep/n"))
    (server.output_folder / "deep" / "n_00001_.png").unlink()
    (server.output_folder / "deep").rmdir()
    # Numbers begin again where nothing is left.
    (file,) = api.run(empty_image(2, "deep/n"))["outputs"]["2"]["images"]
    assert (file["filename"], api.view(**file).status_code) == ("n_00001_.png", 200)


def test_a_restart_keeps_what_is_in_volumes_and_empties_temp(
    server: SimulatedComfyUi, api: Api
) -> None:
    api.upload(b"content", "in.png")
    (file,) = api.run(with_preview())["outputs"]["2"]["images"]
    server.restart()
    assert files(server.base_directory) == {"input/in.png", "output/deep/n_00001_.png"}
    assert api.view(**file).status_code == 200
    again = api.run(with_preview())["outputs"]["2"]["images"]
    assert [one["filename"] for one in again] == ["n_00002_.png"]


def test_the_end_of_the_server_leaves_a_given_folder(tmp_path: Path) -> None:
    with SimulatedComfyUi(Behaviour(base_directory=tmp_path)) as server:
        Api(server.url).run(empty_image(1))
    assert files(tmp_path) == {"output/cap_00001_.png"}


def test_a_base_directory_that_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "easel_simulators.comfyui", "--port", "0"]
    command += ["--base-directory", str(tmp_path / "file" / "below")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    assert "argument --base-directory: cannot make the directory" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_upload_keeps_its_name_and_makes_its_subfolder_only(
    server: SimulatedComfyUi, api: Api
) -> None:
    named = api.upload(b"1", "夏天.png", subfolder="季节/二").json()
    assert named == {"name": "夏天.png", "subfolder": "季节/二", "type": "input"}
    assert api.upload(b"2", "夏天.png", subfolder="季节/二").json()["name"] == "夏天 (1).png"
    assert files(server.base_directory / "input") == {"季节/二/夏天.png", "季节/二/夏天 (1).png"}
    assert api.upload(b"3", "nowhere/x.png").status_code == 500


def test_a_body_over_the_limit_is_refused(api: Api) -> None:
    limit = api.get("/features")["max_upload_size"]
    answer = api.upload(bytes(limit), "large.mp4")
    assert (answer.status_code, answer.text) == (
        413,
        f"Maximum request body size {limit} exceeded.",
    )
