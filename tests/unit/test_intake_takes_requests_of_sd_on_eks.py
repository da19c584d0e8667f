"""Requests written for sd-on-eks mean what they meant there (case 09).

What its agents did with each key: lambda/easel_intake/sdwebui_content.py names their source.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from easel_contract.errors import ContractError
from easel_contract.task import RuntimeType, TaskType
from easel_http.settings import RuntimeSettings
from easel_intake.api_requests import READERS, RequestedTask
from easel_intake.routing import Runtimes
from easel_intake.sdwebui_content import as_sdwebui_takes

pytestmark = pytest.mark.unit

SAMPLES = Path(__file__).parents[1] / "data" / "sd-on-eks" / "requests"
CHECKPOINT = "v1-5-pruned-emaonly.safetensors"
RUNTIMES = Runtimes(
    {"sdruntime": RuntimeSettings(type=RuntimeType.SDWEBUI, model_filename=CHECKPOINT)}
)
UNITS = [
    {
        "input_image": f"https://example.com/{picture}",
        "module": module,
        "model": model,
        "enabled": True,
        "weight": weight,
        "resize_mode": "Crop and Resize",
    }
    for picture, module, model, weight in (
        ("OIP-C.2Z9l9li7mrfDThPW3_LE5wHaLG", "openpose", "control_v11p_sd15_openpose", 1),
        ("OIP-C.2Z9l9li7mrfDThPW3_LE5wHaLG", "depth_leres", "control_v11f1p_sd15_depth", 0.8),
    )
]


def read(path: str, body: Any) -> RequestedTask:
    return READERS[path](body, RUNTIMES)


def v1alpha1(**routing: Any) -> dict[str, Any]:
    """The content of a v1alpha1 request with further keys among the scripts."""
    scripts = {"task": "text-to-image", "id_task": "1", "sd_model_checkpoint": CHECKPOINT}
    return read("/v1alpha1", {"prompt": "a lamp", "alwayson_scripts": scripts | routing}).content


@pytest.mark.parametrize(
    ("sample", "scripts", "settings"),
    [
        ("v1alpha1-test-t2i", {}, None),
        ("v1alpha1-test-i2i", {}, None),
        ("v1alpha1-test-t2v", {"AnimateDiff"}, None),
        ("v1alpha1-demo-text", {}, {"sd_vae": CHECKPOINT}),
        ("v1alpha1-demo-picture", {}, {"sd_vae": CHECKPOINT}),
        ("v1alpha1-demo-controlnet", {"controlnet"}, {"sd_vae": CHECKPOINT}),
        (
            "v1alpha1-deploy-test",
            {"controlnet"},
            {"sd_vae": "vae-ft-mse-840000-ema-pruned.safetensors", "CLIP_stop_at_last_layers": 2},
        ),
        ("v1alpha1-guide-lora", {}, None),
    ],
)
def test_its_v1alpha1_samples(
    sample: str, scripts: set[str], settings: dict[str, Any] | None
) -> None:
    body = json.loads((SAMPLES / f"{sample}.json").read_text())
    task = read("/v1alpha1", body)
    assert task.metadata.id == body["alwayson_scripts"]["id_task"]
    assert task.metadata.runtime == "sdruntime"
    assert task.content["alwayson_scripts"].keys() == {"sd_model_checkpoint", *scripts}
    assert task.content.get("override_settings") == settings
    own = {"alwayson_scripts", "override_settings", "init_images"}
    assert {k: v for k, v in task.content.items() if k not in own} == {
        k: v for k, v in body.items() if k not in own
    }


@pytest.mark.parametrize(
    ("sample", "link"),
    [
        ("v1alpha1-test-i2i", "https://example.com/cat.png"),
        ("v1alpha1-demo-picture", "https://example.com/sd-img2img-input.jpeg"),
        ("v1alpha2-test-i2i", "https://example.com/cat.png"),
    ],
)
def test_its_image_to_image_samples_start_from_the_linked_picture(sample: str, link: str) -> None:
    body = json.loads((SAMPLES / f"{sample}.json").read_text())
    task = read(f"/{sample.partition('-')[0]}", body)
    assert task.metadata.tasktype is TaskType.IMAGE_TO_IMAGE
    assert task.content["init_images"] == [link]


@pytest.mark.parametrize("sample", ["v1alpha1-demo-controlnet", "v1alpha1-deploy-test"])
def test_its_controlnet_samples_have_their_pictures_where_controlnet_looks(sample: str) -> None:
    body = json.loads((SAMPLES / f"{sample}.json").read_text())
    assert read("/v1alpha1", body).content["alwayson_scripts"]["controlnet"] == {"args": UNITS}


def test_its_v1alpha2_text_sample_goes_on_unchanged() -> None:
    body = json.loads((SAMPLES / "v1alpha2-test-t2i.json").read_text())
    assert read("/v1alpha2", body).content == body["task"]["content"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("uid", "case-09"),
        ("uid", 123),
        ("uid", None),
        ("save_dir", "outputs/"),
        ("sd_vae", ""),
        ("sd_vae", None),
        ("override_settings", {}),
        ("override_settings", None),
        ("image_link", ""),
        ("image_link", None),
        # As in 1.x: text to image has no use for a picture.
        ("image_link", "https://example.com/gone.png"),
    ],
)
def test_a_key_that_means_nothing_to_sd_webui_goes_no_further(key: str, value: Any) -> None:
    assert v1alpha1(**{key: value}) == {
        "prompt": "a lamp",
        "alwayson_scripts": {"sd_model_checkpoint": CHECKPOINT},
    }


def test_the_checkpoint_goes_with_the_task_that_a_static_runtime_cannot_take_another() -> None:
    assert v1alpha1()["alwayson_scripts"] == {"sd_model_checkpoint": CHECKPOINT}


def test_settings_among_the_scripts_win_and_the_vae_among_them_first() -> None:
    body = {
        "override_settings": {"a": 1, "b": 1, "sd_vae": "body"},
        "alwayson_scripts": {"sd_vae": "short", "override_settings": {"b": 2}},
    }
    taken = as_sdwebui_takes(body, TaskType.TEXT_TO_IMAGE)["override_settings"]
    assert taken == {"a": 1, "b": 2, "sd_vae": "short"}
    body["alwayson_scripts"]["override_settings"] = {"sd_vae": "long"}
    taken = as_sdwebui_takes(body, TaskType.TEXT_TO_IMAGE)["override_settings"]
    assert taken == {"a": 1, "b": 1, "sd_vae": "long"}
    assert body["override_settings"] == {"a": 1, "b": 1, "sd_vae": "body"}


@pytest.mark.parametrize(
    ("links", "pictures"),
    [
        ("https://a.example/1.png,s3://b/2.png", ["https://a.example/1.png", "s3://b/2.png"]),
        (
            " https://a.example/1.png , HTTP://b.example/2",
            ["https://a.example/1.png", "HTTP://b.example/2"],
        ),
        ("https://a.example/w_1,h_2/1.png", ["https://a.example/w_1,h_2/1.png"]),
    ],
)
def test_links_end_where_the_next_begins(links: str, pictures: list[str]) -> None:
    content = v1alpha1(task="image-to-image", image_link=links)
    assert content["init_images"] == pictures
    assert content["alwayson_scripts"].keys() == {"sd_model_checkpoint"}


@pytest.mark.parametrize(
    ("tasktype", "runtime_key"),
    [(TaskType.EXTRA_SINGLE_IMAGE, "image"), (TaskType.PIPELINE, "uid")],
)
def test_other_tasks_are_left_as_they_are(tasktype: TaskType, runtime_key: str) -> None:
    content = {runtime_key: 1, "alwayson_scripts": {"uid": 1}}
    assert as_sdwebui_takes(content, tasktype) == content


@pytest.mark.parametrize(
    "scripts",
    [
        {"image_link": ["https://example.com/1.png"]},
        {"override_settings": "x"},
        {"sd_vae": 1},
        {"ControlNet": {"args": "x"}},
        {"controlnet": 1},
    ],
)
def test_what_has_another_form_in_v1alpha2_is_left_to_sd_webui(scripts: dict[str, Any]) -> None:
    content = {"prompt": "a lamp", "alwayson_scripts": scripts}
    assert as_sdwebui_takes(content, TaskType.IMAGE_TO_IMAGE) == content


@pytest.mark.parametrize(
    ("key", "value"),
    [("image_link", ["x"]), ("override_settings", "x"), ("sd_vae", 1), ("sd_vae", "a\nb")],
)
def test_what_has_another_form_in_v1alpha1_is_refused(key: str, value: Any) -> None:
    with pytest.raises(ContractError) as refused:
        v1alpha1(**{key: value})
    assert [one.field for one in refused.value.problems] == [f"alwayson_scripts.{key}"]
