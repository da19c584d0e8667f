"""Which names the simulated ComfyUI gives files, and which it hands out."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from easel_simulators.comfyui import SimulatedComfyUi

from .simulated_comfyui import Api, empty_image

pytestmark = pytest.mark.integration

SUMMER = "夏日海滩上的一只小狗" * 8


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedComfyUi]:
    with SimulatedComfyUi() as running:
        yield running


@pytest.fixture
def api(server: SimulatedComfyUi) -> Api:
    return Api(server.url)


def saved(api: Api, prefix: str, **size: int) -> list[dict[str, str]]:
    """The files of a workflow that saves under a prefix."""
    entry = api.run(empty_image(1, prefix, **size))
    assert entry["status"]["status_str"] == "success", entry["status"]
    files: list[dict[str, str]] = entry["outputs"]["2"]["images"]
    return files


def failure(api: Api, prefix: str) -> dict[str, Any]:
    """What a workflow fails with that saves under a prefix."""
    kind, error = api.run(empty_image(1, prefix))["status"]["messages"][-1]
    assert kind == "execution_error"
    assert error["node_type"] == "SaveImage"
    found: dict[str, Any] = error
    return found


@pytest.mark.parametrize("prefix", ["夏天", "🐶 dog", "图片/夏天", "naïve", 'quo"te'])
def test_a_name_is_told_in_utf_8(api: Api, prefix: str) -> None:
    (file,) = saved(api, prefix)
    answer = api.view(**file)
    assert answer.status_code == 200
    told = answer.headers["Content-Disposition"].encode("latin-1")
    assert told == f'filename="{file["filename"]}"'.encode()


@pytest.mark.parametrize("prefix", ["a\tb", "a\nb", "a\x7fb"])
def test_a_name_with_control_characters_ends_the_connection(api: Api, prefix: str) -> None:
    (file,) = saved(api, prefix)
    with pytest.raises(requests.ConnectionError):
        api.view(**file)


@pytest.mark.parametrize("prefix", ["lamp... take 2", "a..b", "x/..y"])
def test_a_name_with_two_dots_is_saved_and_not_handed_out(api: Api, prefix: str) -> None:
    (file,) = saved(api, prefix)
    assert ".." in file["filename"]
    assert api.view(**file).status_code == 400


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 404),
        ({"filename": ""}, 400),
        ({"filename": "/etc/hostname"}, 400),
        ({"filename": "x.png", "type": "models"}, 400),
        ({"filename": "x.png", "type": ""}, 400),
        ({"filename": "x.png", "subfolder": "../.."}, 403),
        ({"filename": "x.png", "subfolder": "/etc"}, 403),
        ({"filename": "x" * 300}, 404),
        ({"filename": "x.png"}, 404),
        ({"filename": "x.png [input]"}, 404),
    ],
)
def test_what_is_not_handed_out(api: Api, query: dict[str, str], status: int) -> None:
    assert api.view(**query).status_code == status


def test_a_name_may_say_its_folder(api: Api) -> None:
    api.upload(b"content", "said.bin")
    assert api.view(filename="said.bin [input]").content == b"content"


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("page.html", "application/octet-stream"),
        ("script.js", "application/octet-stream"),
        ("drawing.svg", "image/svg+xml"),
        ("unknown.qqq", "application/octet-stream"),
    ],
)
def test_what_browsers_run_is_told_as_octets(api: Api, name: str, content_type: str) -> None:
    api.upload(b"x", name)
    assert api.view(filename=name, type="input").headers["Content-Type"] == content_type


@pytest.mark.parametrize("prefix", ["a" * 245, SUMMER[:78] + "一" * 5, "long/" + "b" * 250])
def test_a_name_over_255_bytes_fails_as_the_file_system_says(api: Api, prefix: str) -> None:
    error = failure(api, prefix)
    assert error["exception_type"] == "OSError"
    assert error["exception_message"].startswith("[Errno 36] File name too long: '")


def test_a_name_of_255_bytes_is_saved(api: Api) -> None:
    ending = len("_00001_.png")
    (file,) = saved(api, "c" * (255 - ending))
    assert len(file["filename"]) == 255
    assert api.view(**file).status_code == 200
    # What a user's workflow may have by itself: 80 Chinese characters.
    assert len(saved(api, SUMMER)[0]["filename"].encode()) == 251


def test_a_folder_of_over_255_bytes_fails_too(api: Api) -> None:
    assert "File name too long" in failure(api, "d" * 256 + "/x")["exception_message"]


@pytest.mark.parametrize("prefix", ["../x", "a/../../x", "/etc/x"])
def test_no_file_is_saved_outside_the_output_folder(api: Api, prefix: str) -> None:
    error = failure(api, prefix)
    assert error["exception_type"] == "Exception"
    assert "Saving image outside the output folder is not allowed" in error["exception_message"]


@pytest.mark.parametrize(
    ("prefix", "subfolder", "filename"),
    [
        ("deep/er/name", "deep/er", "name_00001_.png"),
        ("deep//twice", "deep", "twice_00001_.png"),
        ("./dot", "", "dot_00001_.png"),
        ("up/../down", "", "down_00001_.png"),
        ("slash/", "", "slash_00001_.png"),
        ("", "", "._00001_.png"),
    ],
)
def test_prefixes_are_normalized(api: Api, prefix: str, subfolder: str, filename: str) -> None:
    (file,) = saved(api, prefix)
    assert (file["subfolder"], file["filename"]) == (subfolder, filename)


def test_a_prefix_that_ends_in_a_slash_overwrites(api: Api) -> None:
    names = [api.run(empty_image(color, "over/"))["outputs"]["2"]["images"] for color in (1, 2)]
    assert names[0] == names[1]


def test_numbers_go_on_whatever_the_extension(api: Api, server: SimulatedComfyUi) -> None:
    for name in ("n_00041_.flac", "n_00050.png", "n_x_00060_.png", "n_oops_.png"):
        (server.output_folder / name).touch()
    assert saved(api, "n")[0]["filename"] == "n_00042_.png"


def test_the_server_fills_in_size_and_time_only(api: Api) -> None:
    before = time.strftime("%Y-%m-%d")
    name = saved(api, "%year%-%month%-%day% %width%x%height%", width=96, height=32)[0]["filename"]
    assert name in {f"{day} 96x32_00001_.png" for day in (before, time.strftime("%Y-%m-%d"))}
    assert re.fullmatch(
        r"\d\d-\d\d-\d\d_00001_\.png", saved(api, "%hour%-%minute%-%second%")[0]["filename"]
    )


@pytest.mark.parametrize("prefix", ["%date:yyyy-MM-dd%", "%KSampler.seed%", "50%"])
def test_what_the_web_page_fills_in_stays(api: Api, prefix: str) -> None:
    (file,) = saved(api, prefix)
    assert file["filename"] == f"{prefix}_00001_.png"
    assert api.view(**file).status_code == 200


def test_pictures_of_a_batch_are_numbered(api: Api) -> None:
    names = [file["filename"] for file in saved(api, "b%batch_num%", batch_size=2)]
    assert names == ["b0_00001_.png", "b1_00002_.png"]


def test_a_name_that_is_no_text_fails_its_node(api: Api) -> None:
    error = failure(api, "null\0byte")
    assert error["exception_type"] == "ValueError"


def test_an_upload_under_a_name_that_is_too_long_is_a_server_error(api: Api) -> None:
    assert api.upload(b"x", "u" * 256 + ".png").status_code == 500
    assert api.idle()
