"""What the nodes of the simulated ComfyUI make: real pictures, files and numbers."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image, ImageChops

from easel_simulators.comfyui import Behaviour, SimulatedComfyUi

from .simulated_comfyui import Api, Workflow, empty_image, node, text_to_image

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedComfyUi]:
    with SimulatedComfyUi() as running:
        yield running


@pytest.fixture
def api(server: SimulatedComfyUi) -> Api:
    return Api(server.url)


def files(api: Api, workflow: Workflow, node_id: str) -> list[bytes]:
    """The files of one node of a workflow that succeeds."""
    entry = api.run(workflow)
    assert entry["status"]["status_str"] == "success", entry["status"]
    found = [
        item
        for items in entry["outputs"][node_id].values()
        for item in items
        if isinstance(item, dict)
    ]
    named = ("filename", "subfolder", "type")
    return [api.view(**{key: item[key] for key in named}).content for item in found]


def pictures(api: Api, workflow: Workflow, node_id: str) -> list[Image.Image]:
    return [Image.open(io.BytesIO(data)) for data in files(api, workflow, node_id)]


def png(colour: Any, size: tuple[int, int] = (64, 32), mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def on_picture(api: Api, name: str, *between: dict[str, Any]) -> Image.Image:
    """A loaded picture after some nodes, each fed by the one before."""
    workflow = {"0": node("LoadImage", image=name)}
    for index, one in enumerate(between):
        workflow[str(index + 1)] = {
            "class_type": one["class_type"],
            "inputs": {"image": [str(index), 0], **one["inputs"]},
        }
    last = str(len(between))
    workflow["save"] = node("SaveImage", images=[last, 0], filename_prefix="changed")
    return pictures(api, workflow, "save")[0]


def same(first: Image.Image, second: Image.Image) -> bool:
    return ImageChops.difference(first.convert("RGB"), second.convert("RGB")).getbbox() is None


def test_prompt_and_seed_choose_the_picture(api: Api) -> None:
    first, again, other_seed = (
        pictures(api, text_to_image(seed=seed, steps=steps), "9")[0]
        for seed, steps in ((1, 2), (1, 3), (2, 2))
    )
    assert same(first, again)
    assert not same(first, other_seed)


def test_a_batch_has_as_many_different_pictures(api: Api) -> None:
    workflow = text_to_image()
    workflow["5"]["inputs"] |= {"width": 128, "height": 64, "batch_size": 3}
    made = pictures(api, workflow, "9")
    assert [one.size for one in made] == [(128, 64)] * 3
    assert not same(made[0], made[1])


def test_the_workflow_is_in_the_picture(api: Api) -> None:
    workflow = text_to_image(seed=77)
    assert json.loads(pictures(api, workflow, "9")[0].info["prompt"]) == workflow


def test_image_to_image_keeps_as_much_as_asked(api: Api) -> None:
    api.upload(png("red", (64, 64)), "start.png")
    workflow = text_to_image(denoise=0.0)
    workflow["5"] = node("VAEEncode", pixels=["1", 0], vae=["4", 2])
    workflow["1"] = node("LoadImage", image="start.png")
    assert pictures(api, workflow, "9")[0].getpixel((5, 5)) == (255, 0, 0)


def test_a_latent_that_was_not_sampled_is_grey(api: Api) -> None:
    workflow = text_to_image()
    workflow["8"]["inputs"]["samples"] = ["5", 0]
    assert pictures(api, workflow, "9")[0].getcolors() == [(64 * 64, (127, 127, 127))]


@pytest.mark.parametrize(
    ("change", "size"),
    [
        (node("ImageScaleBy", upscale_method="lanczos", scale_by=2.0), (128, 64)),
        (node("ImageScale", upscale_method="area", width=32, height=0, crop="disabled"), (32, 16)),
        (node("ImageScale", upscale_method="area", width=0, height=0, crop="disabled"), (64, 32)),
        (node("ImageScale", upscale_method="area", width=9, height=9, crop="center"), (9, 9)),
    ],
)
def test_pictures_are_scaled(api: Api, change: dict[str, Any], size: tuple[int, int]) -> None:
    api.upload(png("red"), "scale.png")
    assert on_picture(api, "scale.png", change).size == size


def test_pictures_are_inverted_and_blurred(api: Api) -> None:
    api.upload(png("red"), "red.png")
    blur = node("ImageBlur", blur_radius=3, sigma=1.0)
    changed = on_picture(api, "red.png", node("ImageInvert"), blur)
    assert changed.getpixel((0, 0)) == (0, 255, 255)


def test_a_mask_is_loaded(api: Api) -> None:
    api.upload(png((10, 20, 30, 40), mode="RGBA"), "mask.png")
    workflow = {
        "1": node("LoadImageMask", image="mask.png", channel="alpha"),
        "2": node("PreviewAny", source=["1", 0]),
    }
    assert "size=64x32" in api.run(workflow)["outputs"]["2"]["text"][0]


def test_numbers_go_on_across_extensions_and_jobs(api: Api) -> None:
    first = api.run(empty_image(1, "count/n"))["outputs"]["2"]["images"]
    second = api.run(empty_image(2, "count/n"))["outputs"]["2"]["images"]
    assert [one["filename"] for one in first + second] == ["n_00001_.png", "n_00002_.png"]
    assert first[0]["subfolder"] == "count"


def test_animations_have_all_frames(api: Api) -> None:
    workflow = {
        "1": node("EmptyImage", width=64, height=64, batch_size=3, color=5),
        "2": node(
            "VHS_VideoCombine",
            images=["1", 0],
            frame_rate=8.0,
            loop_count=0,
            filename_prefix="v",
            format="image/gif",
            pingpong=True,
            save_output=False,
        ),
    }
    made = pictures(api, workflow, "2")[0]
    assert (made.format, getattr(made, "n_frames", 1)) == ("GIF", 4)


def test_what_the_simulator_will_not_hold_is_out_of_memory(api: Api) -> None:
    entry = api.run(empty_image(1, width=16384, height=16384))
    assert entry["status"]["messages"][-1][1]["exception_type"] == "torch.OutOfMemoryError"


@pytest.mark.parametrize("name", ["../../x.png", "/etc/hostname", "nope.png [output]"])
def test_only_files_of_its_folders_are_loaded(api: Api, name: str) -> None:
    workflow = {"1": node("LoadImage", image=name), **empty_image(1)}
    workflow["1"], workflow["2"]["inputs"]["images"] = node("LoadImage", image=name), ["1", 0]
    answer = api.post("/prompt", {"prompt": workflow})
    assert answer.status_code == 400
    assert "Invalid image file" in answer.text


def test_a_changed_file_of_the_same_name_is_loaded_again(api: Api) -> None:
    found = []
    for colour in ("red", "blue"):
        api.upload(png(colour), "changing.png", overwrite="true")
        found.append(on_picture(api, "changing.png").getpixel((0, 0)))
    assert found == [(255, 0, 0), (0, 0, 255)]


def test_a_saved_file_can_be_an_input(api: Api) -> None:
    name = api.run(empty_image(0xFF0000, "again"))["outputs"]["2"]["images"][0]["filename"]
    assert on_picture(api, f"{name} [output]").getpixel((0, 0)) == (255, 0, 0)


def test_object_info_lists_every_class(api: Api) -> None:
    every = api.get("/object_info")
    assert {"KSampler", "LoadImage", "SaveImage", "VHS_VideoCombine"} <= every.keys()
    assert every["LoadImage"]["input"]["required"]["image"][1] == {"image_upload": True}
    assert all(one["name"] == name for name, one in every.items())


def test_benchmark_pictures_have_the_size_asked_for() -> None:
    with SimulatedComfyUi(Behaviour(picture_bytes=50_000)) as server:
        made = files(Api(server.url), text_to_image(), "9")
    assert [len(data) for data in made] == [50_000]
