"""Names of checkpoints and samplers, as the simulated SD WebUI finds them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from easel_simulators.sdwebui import Behaviour, SimulatedSdWebui

from .simulated_runtime import Client, client_of, opened, small

pytestmark = pytest.mark.integration

MODELS = (
    "base.safetensors",
    "anime/lamp-v3.safetensors",
    "lamp [day].safetensors",
    "lamp [night].safetensors",
    "old one v1.5.ckpt",
    "real/lamp-v3.ckpt",
)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with SimulatedSdWebui(Behaviour(models=MODELS)) as webui, client_of(webui.url) as one:
        yield one


def info_of(client: Client, **body: Any) -> dict[str, Any]:
    info: dict[str, Any] = json.loads(client.generate(**body)["info"])
    return info


def test_checkpoints_are_listed_by_path(client: Client) -> None:
    listed = client.get("/sdapi/v1/sd-models")
    assert [one["model_name"] for one in listed] == [
        "base",
        "anime_lamp-v3",
        "lamp [day]",
        "lamp [night]",
        "old one v1.5",
        "real_lamp-v3",
    ]
    one = listed[1]
    assert one["title"] == f"anime/lamp-v3.safetensors [{one['hash']}]"
    assert one["sha256"].startswith(one["hash"])
    assert one["filename"].endswith("/models/Stable-diffusion/anime/lamp-v3.safetensors")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("anime/lamp-v3.safetensors", ("lamp-v3", 1)),
        ("anime_lamp-v3", ("lamp-v3", 1)),
        ("lamp-v3", ("lamp-v3", 5)),
        ("lamp [night].safetensors", ("lamp [night]", 3)),
        ("lamp [night]", ("lamp [night]", 3)),
        ("old one v1.5", ("old one v1.5", 4)),
        ("anime/lamp-v3", ("base", 0)),
        ("lamp-v3.safetensors", ("base", 0)),
        ("lamp", ("base", 0)),
    ],
)
def test_an_override_finds_exact_names_only(
    client: Client, name: str, told: tuple[str, int]
) -> None:
    """The last three are no names of a real server: it goes on with the one that it has."""
    info = info_of(client, override_settings={"sd_model_checkpoint": name})
    expected = client.get("/sdapi/v1/sd-models")[told[1]]["hash"]
    assert (info["sd_model_name"], info["sd_model_hash"]) == (told[0], expected)


@pytest.mark.parametrize(
    ("name", "told"), [("night", "lamp [night]"), ("lamp [nope]", "lamp-v3"), ("v3", "lamp-v3")]
)
def test_a_refiner_is_found_by_a_part_of_its_title(client: Client, name: str, told: str) -> None:
    info = info_of(client, refiner_checkpoint=name, refiner_switch_at=0.5)
    assert info["extra_generation_params"]["Refiner"].startswith(f"{told} [")
    assert info["sd_model_name"] == "base"


def test_a_hash_is_known_once_its_checkpoint_has_been_loaded() -> None:
    behaviour = Behaviour(models=("a", "b"), hashes_cached=False)
    with SimulatedSdWebui(behaviour) as webui, client_of(webui.url) as client:
        titles = [one["title"] for one in client.get("/sdapi/v1/sd-models")]
        assert titles == ["a.safetensors", "b.safetensors"]
        assert info_of(client)["sd_model_hash"]
        first, second = client.get("/sdapi/v1/sd-models")
        assert first["title"] == f"a.safetensors [{first['hash']}]"
        assert second["hash"] is second["sha256"] is None
        assert client.get("/sdapi/v1/options")["sd_model_checkpoint"] == first["title"]


@pytest.mark.parametrize("name", ["", " ", "/etc/a.ckpt", "../a.ckpt"])
def test_a_checkpoint_lies_below_its_folder(name: str) -> None:
    with pytest.raises(ValueError, match="no path below the folder"):
        SimulatedSdWebui(Behaviour(models=(name,)))


@pytest.mark.parametrize(
    ("asked", "sampler", "schedule", "told"),
    [
        ({}, "Euler", "Automatic", None),
        ({"sampler_name": "Nope"}, "DPM++ 2M", "Karras", "Karras"),
        ({"sampler_name": "k_euler"}, "DPM++ 2M", "Karras", "Karras"),
        ({"sampler_name": "DPM++ 2M Karras"}, "DPM++ 2M", "Karras", "Karras"),
        ({"sampler_name": "Euler Karras"}, "Euler", "Karras", "Karras"),
        ({"sampler_name": "Euler", "scheduler": "sgm_uniform"}, "Euler", *["SGM Uniform"] * 2),
        ({"sampler_name": "Euler SGMUniform"}, "Euler", "SGM Uniform", "SGM Uniform"),
        ({"scheduler": "Nope"}, "Euler", "Automatic", None),
        ({"sampler_name": "DDIM", "scheduler": "Karras"}, "DDIM", "Karras", None),
        ({"sampler_index": "LMS"}, "LMS", "Automatic", None),
    ],
)
def test_1_10_1_corrects_samplers_and_schedules(
    client: Client, asked: dict[str, str], sampler: str, schedule: str, told: str | None
) -> None:
    info = info_of(client, **asked)
    assert info["sampler_name"] == sampler
    assert f"Sampler: {sampler}, Schedule type: {schedule}, " in info["infotexts"][0]
    assert info["extra_generation_params"].get("Schedule type") == told


def test_1_8_0_knows_no_schedules_and_refuses_samplers() -> None:
    with SimulatedSdWebui(Behaviour(version="1.8.0")) as webui, client_of(webui.url) as client:
        for name in ("euler", "k_euler", "Euler Karras"):
            answer = client.post("/sdapi/v1/txt2img", small(sampler_name=name))
            assert (answer.status_code, answer.json()["detail"]) == (404, "Sampler not found")
        assert info_of(client, sampler_name="DPM++ 2M Karras")["sampler_name"] == "DPM++ 2M Karras"
        assert "scheduler" not in client.generate(scheduler="Karras")["parameters"]
        assert client.post("/sdapi/v1/schedulers").status_code == 404


def test_there_are_two_versions() -> None:
    with pytest.raises(ValueError, match="no version '2'; choose from"):
        SimulatedSdWebui(Behaviour(version="2"))


def test_1_10_1_lists_schedules(client: Client) -> None:
    labels = [one["label"] for one in client.get("/sdapi/v1/schedulers")]
    assert labels[:3] == ["Automatic", "Uniform", "Karras"]
    names = [one["name"] for one in client.get("/sdapi/v1/samplers")]
    assert names[0] == "DPM++ 2M"
    assert not [name for name in names if name.endswith("Karras")]


@pytest.mark.parametrize(
    ("body", "size"),
    [
        ({"hr_scale": 1.5}, (96, 96)),
        ({"hr_resize_x": 128}, (128, 128)),
        ({"hr_resize_y": 192}, (192, 192)),
        ({"hr_resize_x": 128, "hr_resize_y": 96}, (128, 96)),
    ],
)
def test_hires_fix_has_the_size_that_it_is_asked_for(
    client: Client, body: dict[str, Any], size: tuple[int, int]
) -> None:
    images = client.generate(enable_hr=True, denoising_strength=0.5, **body)["images"]
    assert opened(images[0]).size == size


@pytest.mark.parametrize(
    ("body", "name", "says"),
    [
        ({"hr_upscaler": "4x-NotThere"}, "Exception", "could not find upscaler named 4x-NotThere"),
        ({"hr_sampler_name": "Nope"}, "AssertionError", "bad sampler name: Nope"),
        ({"hr_checkpoint_name": "x"}, "Exception", "Could not find checkpoint with name x"),
    ],
)
def test_names_that_the_second_pass_does_not_find(
    client: Client, body: dict[str, Any], name: str, says: str
) -> None:
    request = small(enable_hr=True, denoising_strength=0.5, **body)
    answer = client.post("/sdapi/v1/txt2img", request)
    found = answer.json()
    assert (answer.status_code, found["error"], found["errors"]) == (500, name, says)
