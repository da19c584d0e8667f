"""Each type of runtime finds its models and gets the settings that it needs for them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.charts.helm import Helm, Values, at, of_kind, overlay
from tests.charts.pods import container, pod_of

pytestmark = pytest.mark.integration


def test_sd_webui_loads_its_checkpoint_without_mmap(helm: Helm, sdwebui: Values) -> None:
    config = of_kind(helm.render(sdwebui), "ConfigMap")["data"]["config.json"]
    assert json.loads(config) == {
        "disable_mmap_load_safetensors": True,
        # The agent fetches; SD WebUI would reach addresses of the cluster.
        "api_enable_requests": False,
        # For one who turns the former on again.
        "api_forbid_local_requests": True,
        "sd_model_checkpoint": "v1-5-pruned-emaonly.safetensors",
    }


def test_settings_of_ones_own_win(helm: Helm, sdwebui: Values) -> None:
    own = {"disable_mmap_load_safetensors": False, "api_enable_requests": True, "sd_vae": "vae.pt"}
    manifests = helm.render(overlay(sdwebui, at("runtime.config", own)))
    config = json.loads(of_kind(manifests, "ConfigMap")["data"]["config.json"])
    assert config == own | {
        "api_forbid_local_requests": True,
        "sd_model_checkpoint": "v1-5-pruned-emaonly.safetensors",
    }


def test_sd_webui_can_write_its_configuration(helm: Helm, sdwebui: Values) -> None:
    pod = pod_of(helm.render(sdwebui))
    mounts = {one["mountPath"]: one for one in container(pod, "runtime")["volumeMounts"]}
    volume = mounts["/opt/ml/code/config.json"]["name"]
    assert "emptyDir" in next(one for one in pod["volumes"] if one["name"] == volume)
    assert pod["initContainers"][0]["name"] == "copy-config"


def test_the_copy_is_made_and_may_be_written_by_any_user(
    helm: Helm, sdwebui: Values, tmp_path: Path
) -> None:
    copy = container(pod_of(helm.render(sdwebui)), "copy-config")
    assert copy["command"] == ["python", "-c"]
    for folder in ("config", "runtime-config"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config" / "config.json").write_text('{"a": 1}')
    script = copy["args"][0].replace('"/', f'"{tmp_path}/')
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
    made = tmp_path / "runtime-config" / "config.json"
    assert made.read_text() == '{"a": 1}'
    assert made.stat().st_mode & 0o777 == 0o666


def test_a_changed_setting_starts_new_pods(helm: Helm, sdwebui: Values) -> None:
    def checksum(values: Values) -> str:
        template = of_kind(helm.render(values), "Deployment")["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/config"])

    assert checksum(sdwebui) != checksum(overlay(sdwebui, at("runtime.config", {"sd_vae": "x"})))


def test_sd_webui_listens_whatever_its_images_command_is(helm: Helm, sdwebui: Values) -> None:
    values = overlay(sdwebui, at("runtime.port", 8080))
    environment = container(pod_of(helm.render(values)), "runtime")["env"]
    arguments = "--api --listen --port 8080 --embeddings-dir /opt/ml/code/models/embeddings"
    assert environment == [{"name": "COMMANDLINE_ARGS", "value": f"{arguments} --xformers"}]


def test_comfyui_knows_the_buckets_folders(helm: Helm, examples: dict[str, Values]) -> None:
    manifests = helm.render(examples["comfyui"])
    paths = yaml.safe_load(of_kind(manifests, "ConfigMap")["data"]["extra_model_paths.yaml"])
    assert paths["easel"]["base_path"] == "/opt/ml/code/models"
    assert paths["easel"]["checkpoints"] == "Stable-diffusion"
    assert paths["easel"]["upscale_models"].split() == ["ESRGAN", "RealESRGAN", "SwinIR", "ScuNET"]
    mounts = container(pod_of(manifests), "runtime")["volumeMounts"]
    assert "/opt/ml/code/extra_model_paths.yaml" in {one["mountPath"] for one in mounts}


def test_an_image_of_ones_own_gets_models_and_no_configuration(
    helm: Helm, examples: dict[str, Values]
) -> None:
    manifests = helm.render(examples["custom"])
    assert "ConfigMap" not in {one["kind"] for one in manifests}
    runtime = container(pod_of(manifests), "runtime")
    assert [one["mountPath"] for one in runtime["volumeMounts"]] == [
        "/opt/ml/code/models",
        "/dev/shm",
        "/scratch",
    ]
    assert runtime["env"] == [{"name": "OMP_NUM_THREADS", "value": "4"}]
    assert runtime["image"].startswith("registry.example.com/sd-server@sha256:")


@pytest.mark.parametrize("gpus", [0, 1, 4])
def test_gpus(helm: Helm, sdwebui: Values, gpus: int) -> None:
    changes = {"runtime": {"gpus": gpus}, "nodes": {"instanceTypes": ["g5.12xlarge"]}}
    pod = pod_of(helm.render(overlay(sdwebui, changes)))
    resources = container(pod, "runtime")["resources"]
    wanted = str(gpus) if gpus else None
    assert resources["limits"].get("nvidia.com/gpu") == wanted
    assert resources["requests"].get("nvidia.com/gpu") == wanted
    assert resources["limits"]["memory"] == "11Gi"
