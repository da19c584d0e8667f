"""What a setting does to pictures, and what one job's settings leave to the next."""

import json
from typing import Any

import pytest
from PIL import Image

from easel_simulators.sdwebui import Behaviour, SimulatedSdWebui

from .simulated_runtime import Client, as_text, client_of, opened, small

pytestmark = pytest.mark.integration

MODELS = ("base.safetensors", "other.safetensors")


def fresh(**body: Any) -> Any:
    """The images of a small text-to-image on a server of its own."""
    with SimulatedSdWebui(Behaviour(models=MODELS)) as webui, client_of(webui.url) as client:
        return client.generate(**body)["images"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLIP_stop_at_last_layers", 2),
        ("eta_noise_seed_delta", 31337),
        ("samples_format", "webp"),
        ("sd_vae", "some.vae.pt"),
        ("sd_model_checkpoint", "other"),
    ],
)
def test_every_setting_is_seen_in_the_pictures(name: str, value: object) -> None:
    with SimulatedSdWebui(Behaviour(models=MODELS)) as webui, client_of(webui.url) as client:
        client.post("/sdapi/v1/options", {name: value})
        changed = opened(client.generate()["images"][0])
    plain = opened(fresh()[0])
    assert (changed.format, changed.tobytes()) != (plain.format, plain.tobytes())


@pytest.mark.parametrize(
    "override",
    [
        {"CLIP_stop_at_last_layers": 2},
        {"samples_format": "jpg"},
        {"eta_noise_seed_delta": 7, "nope": 1},
    ],
)
def test_an_override_stays_and_the_next_job_is_drawn_by_it(override: dict[str, object]) -> None:
    with SimulatedSdWebui(Behaviour(models=MODELS)) as webui, client_of(webui.url) as client:
        status = client.post("/sdapi/v1/txt2img", small(override_settings=override)).status_code
        assert status == (500 if "nope" in override else 200)
        assert client.generate()["images"] != fresh()


@pytest.mark.parametrize("body", [{"steps": 0}, {"n_iter": 0}, {"refiner_checkpoint": "nope"}])
def test_a_job_that_fails_leaves_its_settings_too(body: dict[str, object]) -> None:
    override = {"override_settings": {"CLIP_stop_at_last_layers": 2}}
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        assert client.post("/sdapi/v1/txt2img", small(**override, **body)).status_code == 500
        assert json.loads(client.generate()["info"])["clip_skip"] == 2


def test_a_setting_that_config_json_holds_is_restored() -> None:
    behaviour = Behaviour(models=MODELS, config_keys=("CLIP_stop_at_last_layers",))
    with SimulatedSdWebui(behaviour) as webui, client_of(webui.url) as client:
        override = {"CLIP_stop_at_last_layers": 2, "sd_model_checkpoint": "other"}
        info = json.loads(client.generate(override_settings=override)["info"])
        assert (info["clip_skip"], info["sd_model_name"]) == (2, "other")
        assert client.generate()["images"] == fresh()


def test_not_restoring_keeps_the_checkpoint() -> None:
    with SimulatedSdWebui(Behaviour(models=MODELS)) as webui, client_of(webui.url) as client:
        client.generate(
            override_settings={"sd_model_checkpoint": "other.safetensors"},
            override_settings_restore_afterwards=False,
        )
        assert json.loads(client.generate()["info"])["sd_model_name"] == "other"


def test_a_setting_that_does_not_exist_cannot_be_in_config_json() -> None:
    with pytest.raises(ValueError, match="no settings: nope"):
        SimulatedSdWebui(Behaviour(config_keys=("nope",)))


def test_folders_are_not_overridden() -> None:
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        client.generate(override_settings={"outdir_samples": "x"})
        assert client.get("/sdapi/v1/options")["outdir_samples"] == ""


def test_a_format_that_is_none_fails_the_answer_of_a_job_that_is_done() -> None:
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        client.post("/sdapi/v1/options", {"samples_format": "bmp"})
        answer = client.post("/sdapi/v1/txt2img", small())
        assert (answer.status_code, answer.json()["detail"]) == (500, "Invalid image format")
        assert client.stats()["records"][0]["outcome"] == "completed"


def test_a_setting_of_null_that_nobody_has_set_is_passed_over() -> None:
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        client.generate(override_settings={"nope": None})


def masked(client: Client, **body: Any) -> Any:
    request = small(
        init_images=[as_text(Image.new("RGB", (64, 64), "green"))],
        mask=as_text(Image.new("L", (64, 64), "white")),
        **body,
    )
    return client.post("/sdapi/v1/img2img", request).json()


def test_masks_come_behind_each_picture() -> None:
    both = {"return_mask": True, "return_mask_composite": True}
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        images = masked(client, batch_size=2, override_settings=both)["images"]
    assert [opened(image).mode for image in images] == ["RGB", "RGB", "RGBA"] * 2
    assert [opened(image).info.keys() for image in images[1:3]] == [{}.keys()] * 2


@pytest.mark.parametrize(
    ("body", "sizes", "first"),
    [
        ({"save_images": True, "batch_size": 2}, [(128, 64), (64, 64), (64, 64)], 1),
        ({"save_images": True, "n_iter": 4}, [(128, 128), *[(64, 64)] * 4], 1),
        ({"save_images": True}, [(64, 64)], 0),
        ({"batch_size": 2}, [(64, 64), (64, 64)], 0),
    ],
)
def test_a_grid_comes_first_where_pictures_are_saved(
    body: dict[str, Any], sizes: list[tuple[int, int]], first: int
) -> None:
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        answer = client.generate(**body)
    assert [opened(image).size for image in answer["images"]] == sizes
    info = json.loads(answer["info"])
    assert (info["index_of_first_image"], len(info["infotexts"])) == (first, len(sizes))


@pytest.mark.parametrize(
    ("arguments", "prompts", "seeds"),
    [
        ([False, False, "positive", "comma", 0], ["a", "a, b", "a, c", "a, b, c"], [1] * 4),
        ([True, True, "positive", "space", 0], ["a", "b a", "c a", "b c a"], [1, 2, 3, 4]),
    ],
)
def test_the_prompt_matrix_draws_every_combination(
    arguments: list[object], prompts: list[str], seeds: list[int]
) -> None:
    body = {"script_name": "Prompt matrix", "script_args": arguments}
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        answer = client.generate(prompt="a|b|c", **body)
        wrong = client.post(
            "/sdapi/v1/txt2img", small(script_name="prompt matrix", script_args=[0, 0, "x"])
        )
    info = json.loads(answer["info"])
    assert (info["all_prompts"], info["all_seeds"]) == (prompts, seeds)
    assert [opened(image).size for image in answer["images"]] == [(128, 136), *[(64, 64)] * 4]
    assert (wrong.status_code, wrong.json()["errors"]) == (500, "Unknown prompt type x")


@pytest.mark.parametrize("version", ["1.8.0", "1.10.1"])
def test_an_infotext_fills_the_fields_that_a_body_leaves_out(version: str) -> None:
    infotext = (
        "a fox\nSteps: 3, Sampler: LMS, CFG scale: 7, Seed: 5, Size: 64x128, "
        "Model hash: 0123456789, Clip skip: 2"
    )
    with SimulatedSdWebui(Behaviour(version=version)) as webui, client_of(webui.url) as client:
        body = {"infotext": infotext, "seed": 9}
        answer = client.post("/sdapi/v1/txt2img", body).json()
        bad = client.post("/sdapi/v1/txt2img", {"infotext": "Steps: x, Seed: 5, Size: 8x8"})
    info = json.loads(answer["info"])
    told = [info[name] for name in ("prompt", "steps", "sampler_name", "seed", "height")]
    assert told == ["a fox", 3, "LMS", 9, 128]
    assert answer["parameters"]["override_settings"] == {"CLIP_stop_at_last_layers": 2}
    assert (bad.status_code, bad.json()["error"]) == (500, "ValueError")
