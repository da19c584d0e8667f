"""Which files the loaders of the simulated ComfyUI take, and which not."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from easel_simulators.comfyui import SimulatedComfyUi

from .simulated_comfyui import Api, Workflow, node

pytestmark = pytest.mark.integration


def picture(pil_format: str = "PNG", frames: int = 1) -> bytes:
    buffer = io.BytesIO()
    images = [Image.new("RGB", (32, 16), (50 * index, 200, 0)) for index in range(frames)]
    images[0].save(buffer, pil_format, save_all=True, append_images=images[1:])
    return buffer.getvalue()


MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"
WAV = b"RIFF\x24\0\0\0WAVEfmt "
MP3_WITHOUT_ID3 = b"\xff\xf3\x84\xc4" + bytes(60)
NOTHING = b"nothing that a runtime knows"


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with SimulatedComfyUi() as server:
        api = Api(server.url)
        for name, data in {
            "p.png": picture(),
            "g.gif": picture("GIF", 3),
            "v.mp4": MP4,
            "s.wav": WAV,
            "s.mp3": MP3_WITHOUT_ID3,
            "n.mp4": NOTHING,
            "n.mp3": NOTHING,
            "n.png": NOTHING,
            "t.txt": b"text",
        }.items():
            assert api.upload(data, name).status_code == 200
        api.upload(picture(), "x.png", subfolder="sub")
        api.upload(b"glTF", "cube.glb", subfolder="3d")
        yield api


def shown(class_type: str, **inputs: Any) -> Workflow:
    """A loader and the text of its first output."""
    return {"1": node(class_type, **inputs), "2": node("PreviewAny", source=["1", 0])}


FRAMES = {
    "force_rate": 0,
    "custom_width": 0,
    "custom_height": 0,
    "frame_load_cap": 0,
}
SELECTED = {**FRAMES, "skip_first_frames": 0, "select_every_nth": 1}
STARTED = {**FRAMES, "start_time": 0.0}
SIZE = {"custom_width": 0, "custom_height": 0}

TAKEN: list[tuple[str, dict[str, Any]]] = [
    ("LoadImage", {"image": "p.png"}),
    ("LoadImage", {"image": "sub/x.png"}),
    ("LoadImage", {"image": "p.png [input]"}),
    ("LoadImageOutput", {"image": "p.png [input]"}),
    ("LoadAudio", {"audio": "s.wav"}),
    ("LoadAudio", {"audio": "s.mp3"}),
    ("LoadVideo", {"file": "v.mp4"}),
    ("RecordAudio", {"audio": "s.wav"}),
    (
        "WebcamCapture",
        {"image": "p.png [input]", "width": 0, "height": 0, "capture_on_queue": True},
    ),
    ("VHS_LoadVideo", {"video": "v.mp4", **SELECTED}),
    ("VHS_LoadVideo", {"video": "sub/x.png", **SELECTED}),
    ("VHS_LoadVideoFFmpeg", {"video": "g.gif", **STARTED}),
    ("VHS_LoadVideoPath", {"video": "input/v.mp4", **SELECTED}),
    ("VHS_LoadVideoPath", {"video": ' "input/v.mp4"\n', **SELECTED}),
    ("VHS_LoadAudioUpload", {"audio": "s.mp3"}),
    ("VHS_LoadAudio", {"audio_file": "input/s.wav"}),
    ("VHS_LoadImagePath", {"image": "input/p.png", **SIZE}),
    ("VHS_LoadImages", {"directory": "sub"}),
    ("ProbeUpload", {"a": "p.png"}),
]


@pytest.mark.parametrize(("class_type", "inputs"), TAKEN)
def test_files_are_loaded(api: Api, class_type: str, inputs: dict[str, Any]) -> None:
    entry = api.run(shown(class_type, **inputs))
    assert entry["status"]["status_str"] == "success", entry["status"]


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("LoadImage", {"image": "nope.png"}, "image - Invalid image file: nope.png"),
    ("LoadAudio", {"audio": "nope.mp3"}, "audio - Invalid audio file: nope.mp3"),
    ("LoadVideo", {"file": "nope.mp4"}, "file - Invalid video file: nope.mp4"),
    ("LoadImage", {"image": "https://x.test/a.png"}, "Invalid image file: https://x.test/a.png"),
    ("VHS_LoadVideo", {"video": "nope.mp4", **SELECTED}, "Invalid video file: nope.mp4"),
    ("VHS_LoadVideoPath", {"video": "v.mp4", **SELECTED}, "Invalid file path: v.mp4"),
    ("VHS_LoadImagePath", {"image": "/etc/hostname", **SIZE}, "Invalid file path: /etc/hostname"),
    ("VHS_LoadAudioUpload", {"audio": "nope.mp3"}, "Invalid file path: nope.mp3"),
    ("VHS_LoadImages", {"directory": "nope"}, "Directory 'nope' cannot be found."),
    ("LoadLatent", {"latent": "x.latent"}, "Invalid latent file: x.latent"),
]


@pytest.mark.parametrize(("class_type", "inputs", "says"), REFUSED)
def test_what_is_not_there_is_refused(
    api: Api, class_type: str, inputs: dict[str, Any], says: str
) -> None:
    answer = api.post("/prompt", {"prompt": shown(class_type, **inputs)})
    assert answer.status_code == 400
    (problem,) = answer.json()["node_errors"]["1"]["errors"]
    assert problem["type"] == "custom_validation_failed"
    assert says in problem["details"]


FAILING: list[tuple[str, dict[str, Any], str, str]] = [
    ("LoadImage", {"image": "n.png"}, "PIL.UnidentifiedImageError", "cannot identify image file"),
    ("LoadAudio", {"audio": "n.mp3"}, "av.error.InvalidDataError", "Invalid data found"),
    ("VHS_LoadVideo", {"video": "n.mp4", **SELECTED}, "ValueError", "could not be loaded with cv"),
    ("VHS_LoadAudioUpload", {"audio": "n.mp3"}, "Exception", "VHS failed to extract audio from"),
    ("VHS_LoadImages", {"directory": "3d"}, "FileNotFoundError", "No files in directory"),
    (
        "VHS_LoadVideoPath",
        {"video": "https://x.test/v.mp4", **SELECTED},
        "ValueError",
        "https://x.test/v.mp4 could not be loaded with cv.",
    ),
]


@pytest.mark.parametrize(("class_type", "inputs", "kind", "says"), FAILING)
def test_what_is_no_such_file_fails_its_node(
    api: Api, class_type: str, inputs: dict[str, Any], kind: str, says: str
) -> None:
    error = api.run(shown(class_type, **inputs))["status"]["messages"][-1][1]
    assert (error["node_type"], error["exception_type"]) == (class_type, kind)
    assert says in error["exception_message"]


def test_a_video_is_read_by_the_node_that_saves_it(api: Api) -> None:
    workflow = {
        "1": node("LoadVideo", file="n.mp4"),
        "2": node("SaveVideo", video=["1", 0], filename_prefix="v", format="auto", codec="auto"),
    }
    error = api.run(workflow)["status"]["messages"][-1][1]
    assert (error["node_type"], error["exception_type"]) == (
        "SaveVideo",
        "av.error.InvalidDataError",
    )
    workflow["1"] = node("LoadVideo", file="v.mp4")
    assert api.run(workflow)["outputs"]["2"]["images"][0]["filename"] == "v_00001_.mp4"


def test_models_lie_in_a_folder_of_their_own(api: Api) -> None:
    view = {"image": "p.png", "mask": "p.png", "normal": "p.png", "camera_info": {}}
    inputs = {"image": view, "width": 64, "height": 64}
    for name, status in (("3d/cube.glb", 200), ("cube.glb", 400)):
        workflow = {
            "1": node("Load3D", model_file=name, **inputs),
            "2": node("PreviewAny", source=["1", 2]),
        }
        answer = api.post("/prompt", {"prompt": workflow, "prompt_id": str(status)})
        assert answer.status_code == status
    assert api.ended("200")["outputs"] == {"2": {"text": ["3d/cube.glb"]}}
    problem = answer.json()["node_errors"]["1"]["errors"][0]
    assert problem["details"] == "model_file: 'cube.glb' not in ['3d/cube.glb']"


@pytest.mark.parametrize(
    ("class_type", "name", "offered"),
    [
        ("LoadImage", "image", ["g.gif", "n.png", "p.png"]),
        ("LoadAudio", "audio", ["n.mp3", "n.mp4", "s.mp3", "s.wav", "v.mp4"]),
        ("LoadVideo", "file", ["n.mp4", "v.mp4"]),
        ("VHS_LoadVideo", "video", ["g.gif", "n.mp4", "v.mp4"]),
        ("VHS_LoadAudioUpload", "audio", ["n.mp3", "n.mp4", "s.mp3", "s.wav", "v.mp4"]),
        ("VHS_LoadImages", "directory", ["3d", "sub"]),
        ("Load3D", "model_file", ["3d/cube.glb"]),
    ],
)
def test_a_loader_offers_what_it_can_load(
    api: Api, class_type: str, name: str, offered: list[str]
) -> None:
    config = api.get(f"/object_info/{class_type}")[class_type]["input"]["required"][name]
    assert (config[1]["options"] if config[0] == "COMBO" else config[0]) == offered


def test_frames_of_an_animation_are_counted(api: Api) -> None:
    workflow = {
        "1": node("VHS_LoadVideo", video="g.gif", **{**SELECTED, "skip_first_frames": 1}),
        "2": node("SaveImage", images=["1", 0], filename_prefix="frame"),
    }
    assert len(api.run(workflow)["outputs"]["2"]["images"]) == 2


@pytest.mark.parametrize(
    ("name", "combined"), [("v.mp4", "v.mp4_00001-audio.mp4"), ("g.gif", "g.gif_00001.mp4")]
)
def test_a_video_keeps_its_sound(api: Api, name: str, combined: str) -> None:
    workflow = {
        "1": node("VHS_LoadVideo", video=name, **SELECTED),
        "2": node(
            "VHS_VideoCombine",
            images=["1", 0],
            audio=["1", 2],
            frame_rate=8,
            loop_count=0,
            filename_prefix=name,
            format="video/h264-mp4",
            pingpong=False,
            save_output=True,
        ),
    }
    assert api.run(workflow)["outputs"]["2"]["gifs"][0]["filename"] == combined
