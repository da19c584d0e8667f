"""Which inputs of a workflow take a file, as the ComfyUI adapter tells, and what they are given."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from easel_agent.errors import RejectedTaskError
from easel_agent.runtimes.comfyui.inputs import FileInput, Takes, file_inputs
from easel_agent.runtimes.comfyui.uploads import InputFiles, input_folder, value_for
from easel_agent.urls import ContentUrl

pytestmark = pytest.mark.unit

URL = "https://example.com/cat.png"
RECORDED = json.loads(
    (Path(__file__).parents[1] / "data/captures/comfy_0.8.0_jobs_uploads_prompts.json").read_text()
)


def recorded(class_type: str) -> Mapping[str, Any]:
    exchange = RECORDED.get(f"object_info_{class_type}")
    return exchange["response"][class_type] if exchange else {}


def of_one(class_type: str, name: str, value: Any, info: Mapping[str, Any]) -> str | None:
    """How a URL in one input is treated: as what of a file, as base64, or (None) not at all."""
    workflow = {"7": {"class_type": class_type, "inputs": {name: value}}}
    uploads, others = file_inputs(workflow, lambda _: info)
    assert len(uploads) + len(others) <= 1
    if uploads:
        assert uploads[0].at.path[:3] == ("7", "inputs", name)
        return uploads[0].takes.name
    return "BASE64" if others else None


def declaring(name: str, *declaration: Any) -> dict[str, Any]:
    return {"input": {"required": {name: list(declaration)}}}


LOADERS = [
    ("LoadImage", "image", "NAME"),
    ("LoadImageMask", "image", "NAME"),
    ("LoadAudio", "audio", "NAME"),
    ("LoadVideo", "file", "NAME"),
    ("VHS_LoadVideo", "video", "NAME"),
    ("VHS_LoadVideoFFmpeg", "video", "NAME"),
    ("VHS_LoadAudioUpload", "audio", "NAME"),
    ("VHS_LoadVideoPath", "video", "PATH"),
    ("VHS_LoadImagePath", "image", "PATH"),
    ("VHS_LoadAudio", "audio_file", "PATH"),
    ("VHS_LoadImages", "directory", "FOLDER"),
    ("Load3D", "model_file", "NAME"),
    ("LoadLatent", "latent", "NAME"),
    ("LoadImageOutput", "image", "NAME"),
    ("ProbeUpload", "a", "NAME"),
    ("RecordAudio", "audio", "NAME"),
    ("WebcamCapture", "image", "NAME"),
]


@pytest.mark.parametrize(("class_type", "name", "takes"), LOADERS)
def test_the_loaders_that_were_recorded_get_a_file(class_type: str, name: str, takes: str) -> None:
    info = recorded(class_type)
    assert name in info["input"]["required"]
    assert of_one(class_type, name, URL, info) == takes


def test_every_loader_that_was_recorded_is_looked_at() -> None:
    classes = {name.removeprefix("object_info_") for name in RECORDED if "object_info" in name}
    assert classes == {class_type for class_type, _, _ in LOADERS}


@pytest.mark.parametrize(
    ("class_type", "name", "takes"),
    [one for one in LOADERS if not one[0].startswith(("P", "R", "W"))],
)
def test_known_loaders_get_one_from_a_server_that_does_not_tell(
    class_type: str, name: str, takes: str
) -> None:
    assert of_one(class_type, name, URL, {}) == takes
    assert of_one(class_type, name, URL, {"input": {"required": {name: "odd"}}}) == takes


def test_the_pictures_of_a_3d_loader_are_uploaded_and_its_mesh_goes_where_it_looks() -> None:
    image = {"image": URL, "mask": f"{URL}?mask", "camera_info": None}
    inputs = {"model_file": "s3://bucket/x.glb", "image": image, "width": 64}
    uploads, others = file_inputs(
        {"1": {"class_type": "Load3D", "inputs": inputs}}, lambda _: recorded("Load3D")
    )
    assert others == []
    assert {(one.at.path[2:], one.folder) for one in uploads} == {
        (("model_file",), "3d"),
        (("image", "image"), ""),
        (("image", "mask"), ""),
    }


@pytest.mark.parametrize(
    ("name", "declaration", "treated"),
    [
        # upload flags
        ("file", [["a.png"], {"image_upload": True}], "NAME"),
        ("file", [["a.png"], {"upload": True, "default": "x"}], "NAME"),
        ("file", ["COMBO", {"options": [], "file_upload": True}], "NAME"),
        ("ckpt", [["a.safetensors"], {"image_upload": False}], "BASE64"),
        # choices
        ("picture", [["b.txt", "a.PNG"]], "NAME"),
        ("video", [[], {}], "NAME"),
        ("video_file", ["COMBO", {"options": []}], "NAME"),
        ("whatever", ["COMBO", {"options": ["3d/x.glb"]}], "NAME"),
        ("ckpt_name", [["a.safetensors", "b.ckpt"]], "BASE64"),
        ("mode", [["a", "b"], {}], "BASE64"),
        ("mode", [[], {}], "BASE64"),
        # texts
        ("source", ["STRING", {"vhs_path_extensions": ["mp4"]}], "PATH"),
        ("source", ["STRING", {"vhs_path_extensions": []}], "FOLDER_PATH"),
        ("image_path", ["STRING", {}], "PATH"),
        ("path", ["STRING"], "PATH"),
        ("video", ["STRING", {}], "PATH"),
        ("audio_file", ["STRING", {}], "PATH"),
        ("image", ["STRING", {}], "BASE64"),
        ("mask", ["STRING", {}], "BASE64"),
        ("video_base64", ["STRING", {}], "BASE64"),
        ("directory", ["STRING", {}], "FOLDER_PATH"),
        ("output_path", ["STRING", {}], "BASE64"),
        ("output_folder", ["STRING", {}], "BASE64"),
        # URLs stay, and so does prose
        ("image_url", ["STRING", {}], None),
        ("url", ["STRING", {}], None),
        ("text", ["STRING", {}], None),
        # sockets
        ("image", ["IMAGE"], "BASE64"),
        ("image", "IMAGE", "BASE64"),
        ("image", [], "BASE64"),
    ],
)
def test_inputs_of_unknown_nodes_go_by_their_declaration(
    name: str, declaration: Any, treated: str | None
) -> None:
    info = {"input": {"required": {name: declaration}, "optional": {}}}
    assert of_one("SomeNode", name, URL, info) == treated


@pytest.mark.parametrize(
    ("class_type", "name", "treated"),
    [
        ("LoadFileBase64", "file", "BASE64"),
        ("LoadImageFromPath", "image", "PATH"),
        ("SaveImageToPath", "path", "BASE64"),
    ],
)
def test_a_nodes_own_name_may_tell(class_type: str, name: str, treated: str) -> None:
    assert of_one(class_type, name, URL, declaring(name, "STRING", {})) == treated


@pytest.mark.parametrize("value", ["a.png", "ftp://x/a.png", "", 5, ["1", 0], None])
def test_values_that_are_no_url_are_left_alone_and_nothing_is_asked(value: object) -> None:
    def never(class_type: str) -> dict[str, Any]:
        raise AssertionError(class_type)

    workflow = {"7": {"class_type": "LoadImage", "inputs": {"image": value}}}
    assert file_inputs(workflow, never) == ([], [])


def test_a_title_is_no_input() -> None:
    node = {"class_type": "LoadImage", "inputs": {}, "_meta": {"title": URL}}
    assert file_inputs({"1": node}, recorded) == ([], [])


@pytest.mark.parametrize("url", ["http://x/a", " HTTPS://x/a\n", "s3://bucket/a b.png"])
def test_every_scheme_counts(url: str) -> None:
    assert of_one("LoadImage", "image", url, recorded("LoadImage")) == "NAME"


def test_each_class_is_asked_for_once() -> None:
    asked = []

    def object_info(class_type: str) -> Mapping[str, Any]:
        asked.append(class_type)
        return recorded("LoadImage")

    workflow = {
        str(number): {"class_type": "A" if number % 2 else "B", "inputs": {"image": URL}}
        for number in range(6)
    }
    assert len(file_inputs(workflow, object_info)[0]) == 6
    assert sorted(asked) == ["A", "B"]


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [
        (["main.py", "--listen", "127.0.0.1"], "input"),
        (["/opt/ComfyUI/main.py"], "/opt/ComfyUI/input"),
        (["main.py", "--base-directory", "/data"], "/data/input"),
        (["main.py", "--base-directory=/data"], "/data/input"),
        (["main.py", "--base-directory", "/data", "--input-directory", "/in"], "/in"),
        (["main.py", "--input-directory=/a", "--input-directory", "/b"], "/b"),
        ([], "input"),
    ],
)
def test_the_input_folder_is_told_by_the_servers_arguments(
    arguments: list[str], folder: str
) -> None:
    assert input_folder(arguments) == folder


def test_what_an_input_is_given() -> None:
    given = {takes: value_for(takes, "d/x.mp4", lambda: "/in") for takes in Takes}
    assert given == {
        Takes.NAME: "d/x.mp4",
        Takes.PATH: "/in/d/x.mp4",
        Takes.FOLDER: "d",
        Takes.FOLDER_PATH: "/in/d",
    }


class Store:
    """A folder in which input files lie."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.files = InputFiles(self.names.remove)

    def upload(self, _data: bytes, name: str, folder: str) -> str:
        self.names.add(f"{folder}/{name}".removeprefix("/"))
        return f"{folder}/{name}".removeprefix("/")

    def place(self, data: bytes, takes: Takes = Takes.NAME) -> tuple[str, str]:
        at = ContentUrl(("1", "inputs", "image"), "https://x/my%20dog.latent")
        return self.files.place(data, FileInput(at, takes), self.upload)


def test_a_file_is_named_by_content_and_goes_when_the_last_task_is_done() -> None:
    store = Store()
    (one, name), (two, again), (other, _) = map(store.place, (b"a", b"a", b"b"))
    assert (one, name) == (two, again)
    assert len(store.names) == 2
    store.files.release([one])
    assert len(store.names) == 2
    store.files.release([two, other])
    assert store.names == set()


def test_a_file_that_a_task_has_twice_goes_at_once() -> None:
    store = Store()
    keys = [store.place(b"a")[0] for _ in range(2)]
    store.files.release(keys)
    assert store.names == set()


def test_two_agents_do_not_share_files() -> None:
    assert Store().place(b"a")[0] != Store().place(b"a")[0]


def test_a_folder_holds_its_file_alone() -> None:
    store = Store()
    _, name = store.place(b"a", Takes.FOLDER)
    folder, _, filename = name.partition("/")
    assert filename.startswith(folder)


def test_an_upload_that_fails_is_needed_by_nobody() -> None:
    store = Store()

    def fail(_data: bytes, _name: str, _folder: str) -> str:
        raise OSError("no")

    at = ContentUrl(("1", "inputs", "image"), URL)
    with pytest.raises(OSError, match="no"):
        store.files.place(b"a", FileInput(at), fail)
    key, _ = store.place(b"a")
    store.files.release([key])
    assert store.names == set()


def test_the_questions_to_the_server_are_bounded() -> None:
    workflow = {
        str(n): {"class_type": f"Class{n}", "inputs": {"image": URL}} for n in range(10_000)
    }
    asked = []

    def ask(class_type: str) -> Mapping[str, Any]:
        asked.append(class_type)
        return {}

    with pytest.raises(RejectedTaskError, match="more than 256 node classes"):
        file_inputs(workflow, ask)
    assert len(asked) == 256
