"""What the savers of the simulated ComfyUI list, and how their files begin."""

import io
import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from easel_simulators.comfyui import SimulatedComfyUi

from .simulated_comfyui import Api, Workflow, node, text_to_image

pytestmark = pytest.mark.integration

EBML = b"\x1a\x45\xdf\xa3"


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedComfyUi]:
    with SimulatedComfyUi() as running:
        yield running


@pytest.fixture
def api(server: SimulatedComfyUi) -> Api:
    return Api(server.url)


PICTURE = node("EmptyImage", width=64, height=32, batch_size=3, color=0xFF0000)
SOUND = node("EmptyAudio", duration=0.5, sample_rate=48000, channels=2)


def outputs(api: Api, workflow: Workflow, **more: Any) -> Any:
    """What the last node of a workflow that succeeds lists."""
    entry = api.run(workflow, **more)
    assert entry["status"]["status_str"] == "success", entry["status"]
    return entry["outputs"][list(workflow)[-1]]


def data(api: Api, file: dict[str, Any]) -> bytes:
    answer = api.view(**{key: file[key] for key in ("filename", "subfolder", "type")})
    assert answer.status_code == 200
    return answer.content


def combined(api: Api, prefix: str, video_format: str, **more: Any) -> dict[str, Any]:
    workflow = {
        "1": PICTURE,
        "2": SOUND,
        "3": node(
            "VHS_VideoCombine",
            images=["1", 0],
            frame_rate=8,
            loop_count=0,
            filename_prefix=prefix,
            format=video_format,
            pingpong=False,
            save_output=True,
            **more,
        ),
    }
    (shown,) = outputs(api, workflow)["gifs"]
    found: dict[str, Any] = shown
    return found


def mesh(prefix: str, batch_size: int = 1) -> Workflow:
    checkpoint = text_to_image()["4"]
    return {
        "1": checkpoint,
        "2": node("EmptyLatentHunyuan3Dv2", resolution=3072, batch_size=batch_size),
        "3": node(
            "VAEDecodeHunyuan3D",
            samples=["2", 0],
            vae=["1", 2],
            num_chunks=8000,
            octree_resolution=256,
        ),
        "4": node("VoxelToMesh", voxel=["3", 0], algorithm="basic", threshold=0.6),
        "5": node("SaveGLB", mesh=["4", 0], filename_prefix=prefix),
    }


def test_meshes_are_listed_under_3d(api: Api) -> None:
    listed = outputs(api, mesh("mesh/ComfyUI"))
    assert listed == {
        "3d": [{"filename": "ComfyUI_00001_.glb", "subfolder": "mesh", "type": "output"}]
    }
    assert len(outputs(api, mesh("mesh/many", 3))["3d"]) == 3


def test_meshes_are_binary_gltf(api: Api) -> None:
    content = data(api, outputs(api, mesh("gltf"))["3d"][0])
    magic, version, length = struct.unpack_from("<4sII", content)
    assert (magic, version, length) == (b"glTF", 2, len(content))
    size, kind = struct.unpack_from("<I4s", content, 12)
    scene = json.loads(content[20 : 20 + size])
    assert (kind, scene["asset"]["version"]) == (b"JSON", "2.0")
    binary_size, binary_kind = struct.unpack_from("<I4s", content, 20 + size)
    assert (binary_kind, 28 + size + binary_size) == (b"BIN\0", length)
    indices = scene["accessors"][1]
    at = 28 + size + scene["bufferViews"][1]["byteOffset"]
    assert max(struct.unpack_from(f"<{indices['count']}H", content, at)) == 7
    assert binary_size >= scene["buffers"][0]["byteLength"]


def test_a_shown_mesh_is_named_by_its_path(api: Api) -> None:
    workflow = {"1": node("Preview3D", model_file="mesh/x.glb")}
    assert outputs(api, workflow) == {"result": ["mesh/x.glb", None, None]}


def test_a_shown_mesh_lies_where_its_node_put_it(api: Api) -> None:
    workflow = {
        "1": node("TripoTextToModelNode", prompt="a chair"),
        "2": node("Preview3D", model_file=["1", 0]),
    }
    name, *nothing = outputs(api, workflow, extra_data={"api_key_comfy_org": "k"})["result"]
    assert nothing == [None, None]
    file = {"filename": name, "subfolder": "", "type": "output"}
    assert data(api, file).startswith(b"glTF")


def test_vector_graphics_are_listed_as_pictures(api: Api) -> None:
    workflow = {
        "1": PICTURE,
        "2": node("RecraftVectorizeImageNode", image=["1", 0]),
        "3": node("SaveSVGNode", svg=["2", 0], filename_prefix="svg/v"),
    }
    listed = outputs(api, workflow, extra_data={"api_key_comfy_org": "k"})["images"]
    assert [one["filename"] for one in listed] == [f"v_0000{n}_.svg" for n in (1, 2, 3)]
    content = data(api, listed[0]).decode()
    assert content.startswith("<svg xmlns=")
    assert "RecraftVectorizeImageNode" in content
    assert 'fill="#ff0000"' in content


@pytest.mark.parametrize(
    ("class_type", "more", "extension", "begin"),
    [
        ("SaveAudio", {}, "flac", b"fLaC"),
        ("SaveAudioMP3", {"quality": "V0"}, "mp3", b"ID3"),
        ("SaveAudioOpus", {"quality": "128k"}, "opus", b"OggS"),
    ],
)
def test_sound_is_listed_under_audio(
    api: Api, class_type: str, more: dict[str, str], extension: str, begin: bytes
) -> None:
    workflow = {
        "1": SOUND,
        "2": node(class_type, audio=["1", 0], filename_prefix=f"audio/{extension}", **more),
    }
    (file,) = outputs(api, workflow)["audio"]
    assert file == {
        "filename": f"{extension}_00001_.{extension}",
        "subfolder": "audio",
        "type": "output",
    }
    assert data(api, file).startswith(begin)


def test_a_sound_that_is_only_heard_is_temporary(api: Api) -> None:
    (file,) = outputs(api, {"1": SOUND, "2": node("PreviewAudio", audio=["1", 0])})["audio"]
    assert file["type"] == "temp"
    assert data(api, file).startswith(b"fLaC")


@pytest.mark.parametrize(
    ("video_format", "extension", "begin"),
    [
        ("video/ProRes", "mov", b"\0\0\0\x14ftypqt  \0\0\x02\0qt  "),
        ("video/h264-mp4", "mp4", b"\0\0\0\x1cftypisom"),
        ("video/webm", "webm", EBML),
        ("video/ffv1-mkv", "mkv", EBML),
        ("video/ffmpeg-gif", "gif", b"GIF89a"),
        ("image/gif", "gif", b"GIF89a"),
        ("image/webp", "webp", b"RIFF"),
    ],
)
def test_combined_videos_are_listed_under_gifs(
    api: Api, video_format: str, extension: str, begin: bytes
) -> None:
    shown = combined(api, f"vhs/{video_format[6:]}", video_format)
    assert shown["filename"] == f"{video_format[6:]}_00001.{extension}"
    assert shown.keys() == {
        *("filename", "subfolder", "type", "format", "frame_rate", "workflow", "fullpath")
    }
    assert (shown["subfolder"], shown["type"], shown["format"]) == ("vhs", "output", video_format)
    assert data(api, shown).startswith(begin)


def test_combining_leaves_files_that_it_does_not_list(api: Api, server: SimulatedComfyUi) -> None:
    shown = combined(api, "left/v", "video/h264-mp4", audio=["2", 0])
    assert shown["filename"] == "v_00001-audio.mp4"
    left = server.output_folder / "left"
    assert {path.name for path in left.iterdir()} == {
        *("v_00001.png", "v_00001.mp4", "v_00001-audio.mp4")
    }
    assert shown["fullpath"] == str(left / "v_00001-audio.mp4")
    assert "prompt" in Image.open(left / shown["workflow"]).info
    assert combined(api, "left/v", "video/webm")["filename"] == "v_00002.webm"


def test_the_workflow_of_the_web_page_is_in_the_picture(api: Api) -> None:
    workflow = {
        "1": PICTURE,
        "2": node("SaveImage", images=["1", 0], filename_prefix="info"),
    }
    extra = {"extra_pnginfo": {"workflow": {"id": "w-1", "nodes": []}}}
    file = outputs(api, workflow, extra_data=extra)["images"][0]
    info = Image.open(io.BytesIO(data(api, file))).info
    assert json.loads(info["workflow"]) == {"id": "w-1", "nodes": []}
    assert json.loads(info["prompt"]).keys() == workflow.keys()
