"""A runtime starts on a bucket that holds its checkpoints only, and uses what else there is."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.charts.helm import Helm, Values, at, overlay
from tests.charts.pods import container, pod_of

pytestmark = pytest.mark.integration


class Links:
    """Runs the chart's link-models as a pod does, with folders of this machine for its volumes."""

    def __init__(self, pod: dict[str, Any], tmp_path: Path) -> None:
        self._container = container(pod, "link-models")
        self.bucket = tmp_path / "bucket"
        self.models = tmp_path / "models"
        (self.bucket / "Stable-diffusion").mkdir(parents=True)
        (self.bucket / "Stable-diffusion" / "a.safetensors").write_text("weights")
        self.models.mkdir()

    def run(self) -> "subprocess.CompletedProcess[str]":
        script, bucket, models, *rest = self._container["args"]
        mounted = [one["mountPath"] for one in self._container["volumeMounts"]]
        assert mounted == [bucket, models]
        return subprocess.run(
            [sys.executable, "-c", script, self.bucket, self.models, *rest],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )


@pytest.fixture
def links(helm: Helm, sdwebui: Values, tmp_path: Path) -> Links:
    return Links(pod_of(helm.render(sdwebui)), tmp_path)


def test_folders_that_the_bucket_lacks_can_be_made(links: Links) -> None:
    assert links.run().returncode == 0
    # As SD WebUI begins, and its fork Forge.
    for folder in ("hypernetworks", "ControlNetPreprocessor", "Stable-diffusion"):
        (links.models / folder).mkdir(exist_ok=True)
    assert (links.models / "Stable-diffusion" / "a.safetensors").read_text() == "weights"
    assert not (links.bucket / "hypernetworks").exists()


def test_folders_of_the_bucket_are_used(links: Links) -> None:
    (links.bucket / "hypernetworks").mkdir()
    (links.bucket / "hypernetworks" / "anime.pt").write_text("")
    assert links.run().returncode == 0
    # What the bucket gets later is seen, too.
    (links.bucket / "hypernetworks" / "late.pt").write_text("")
    found = {path.name for path in (links.models / "hypernetworks").iterdir()}
    assert found == {"anime.pt", "late.pt"}


def test_a_pod_that_starts_anew_links_anew(links: Links) -> None:
    (links.bucket / "Lora").mkdir()
    assert links.run().returncode == 0
    (links.models / "VAE-approx").mkdir()
    (links.models / "VAE-approx" / "model.pt").write_text("downloaded")
    (links.bucket / "Lora").rmdir()
    (links.bucket / "VAE-approx").mkdir()
    (links.bucket / "VAE").mkdir()
    assert links.run().returncode == 0
    assert {path.name for path in links.models.iterdir()} == {
        "Stable-diffusion",
        "VAE",
        "VAE-approx",
    }
    assert (links.models / "VAE-approx" / "model.pt").read_text() == "downloaded"


def test_a_bucket_without_checkpoints_is_named(helm: Helm, sdwebui: Values, tmp_path: Path) -> None:
    values = overlay(sdwebui, at("models.s3.prefix", "sdxl"))
    links = Links(pod_of(helm.render(values)), tmp_path)
    (links.bucket / "Stable-diffusion").rename(links.bucket / "checkpoints")
    ended = links.run()
    assert ended.returncode == 1
    assert ended.stderr.startswith(
        "s3://easel-models-123456789012/sdxl has no folder Stable-diffusion"
    )
    assert list(links.models.iterdir()) == []


def test_comfyui_may_have_other_folders(
    helm: Helm, examples: dict[str, Values], tmp_path: Path
) -> None:
    links = Links(pod_of(helm.render(examples["comfyui"])), tmp_path)
    (links.bucket / "Stable-diffusion").rename(links.bucket / "diffusion_models")
    assert links.run().returncode == 0
    assert [path.name for path in links.models.iterdir()] == ["diffusion_models"]


def test_links_lead_where_the_runtime_has_the_bucket(helm: Helm, sdwebui: Values) -> None:
    pod = pod_of(helm.render(sdwebui))
    mounts = {one["name"]: one for one in container(pod, "runtime")["volumeMounts"]}
    assert mounts["model-links"]["mountPath"] == "/opt/ml/code/models"
    assert "readOnly" not in mounts["model-links"]
    assert mounts["models"]["readOnly"] is True
    linking = {one["name"]: one for one in container(pod, "link-models")["volumeMounts"]}
    assert linking["models"] == mounts["models"]


@pytest.mark.parametrize(
    "change",
    [
        at("models.s3.links.enabled", value=False),
        at("models.s3.readOnly", value=False),
        at("models.source", "emptyDir"),
        {"runtime": {"type": "custom", "api": "sdwebui"}},
    ],
)
def test_elsewhere_the_folder_is_the_volume_itself(
    helm: Helm, sdwebui: Values, change: Values
) -> None:
    pod = pod_of(helm.render(overlay(sdwebui, change)))
    assert "link-models" not in {one["name"] for one in pod["initContainers"]}
    assert "model-links" not in {one["name"] for one in pod["volumes"]}
    mounts = {one["name"]: one["mountPath"] for one in container(pod, "runtime")["volumeMounts"]}
    assert mounts["models"] == "/opt/ml/code/models"
