"""A busy runtime does not fill its node: what it writes is in volumes of bounded size (case 27).

ComfyUI keeps every picture, preview and uploaded input. The agent, another user than the runtime,
shares the folders and can remove a task's files from them.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.charts.helm import Helm, HelmError, Values, at, overlay
from tests.charts.pods import container, environment_of, pod_of, settings_of

pytestmark = pytest.mark.integration


def mounts(pod: dict[str, Any], name: str) -> dict[str, tuple[str, str | None]]:
    """Volume and folder in it by the path that a container has them at."""
    found = container(pod, name)["volumeMounts"]
    return {one["mountPath"]: (one["name"], one.get("subPath")) for one in found}


def size_of(pod: dict[str, Any], volume: str) -> str:
    (found,) = (one for one in pod["volumes"] if one["name"] == volume)
    return str(found["emptyDir"]["sizeLimit"])


def test_comfyuis_folders_are_bounded_and_the_agents_too(
    helm: Helm, examples: dict[str, Values]
) -> None:
    values = overlay(examples["comfyui"], at("runtime.files.sizeLimit", "3Gi"))
    pod = pod_of(helm.render(values))
    runtime = mounts(pod, "runtime")
    for folder in ("input", "output", "temp"):
        assert runtime[f"/opt/ml/code/{folder}"] == ("runtime-files", folder)
    assert runtime["/tmp"] == ("runtime-tmp", None)
    assert size_of(pod, "runtime-files") == size_of(pod, "runtime-tmp") == "3Gi"
    folder = settings_of(pod).runtime_files_dir
    assert mounts(pod, "queue-agent")[str(folder)] == ("runtime-files", None)


def test_sd_webuis_are_bounded_and_none_of_the_agents_business(helm: Helm, sdwebui: Values) -> None:
    pod = pod_of(helm.render(sdwebui))
    runtime = mounts(pod, "runtime")
    assert runtime["/opt/ml/code/outputs"] == ("runtime-files", None)
    assert runtime["/tmp"] == ("runtime-tmp", None)
    assert size_of(pod, "runtime-files") == size_of(pod, "runtime-tmp") == "10Gi"
    assert "runtime-files" not in {volume for volume, _ in mounts(pod, "queue-agent").values()}
    assert settings_of(pod).runtime_files_dir is None


@pytest.mark.parametrize(("example", "enabled"), [("custom", True), ("comfyui", False)])
def test_an_unknown_program_has_none_and_they_can_be_left_out(
    helm: Helm, examples: dict[str, Values], example: str, enabled: bool
) -> None:
    values = overlay(examples[example], at("runtime.files.enabled", enabled))
    pod = pod_of(helm.render(values))
    assert not {one["name"] for one in pod["volumes"]} & {"runtime-files", "runtime-tmp"}
    assert "share-files" not in {one["name"] for one in pod["initContainers"]}
    assert "EASEL_RUNTIME_FILES_DIR" not in environment_of(pod)


def test_the_scheduler_counts_the_disk(helm: Helm, examples: dict[str, Values]) -> None:
    pod = pod_of(helm.render(examples["comfyui"]))
    assert container(pod, "runtime")["resources"]["requests"]["ephemeral-storage"] == "10Gi"


@pytest.mark.parametrize("path", ["/opt/ml/code/output", "/tmp"])
def test_a_volume_of_ones_own_at_such_a_path_is_refused(
    helm: Helm, examples: dict[str, Values], path: str
) -> None:
    own = at("runtime.extraVolumeMounts", [{"name": "scratch", "mountPath": path}])
    with pytest.raises(HelmError, match=rf"extraVolumeMounts\[0\]: {path} is a volume of"):
        helm.render(overlay(examples["comfyui"], own))
    off = at("runtime.files.enabled", value=False)
    assert helm.render(overlay(overlay(examples["comfyui"], own), off))


@pytest.fixture
def shared(helm: Helm, examples: dict[str, Values], tmp_path: Path) -> Path:
    """The volume, after the chart's share-files has run in it."""
    share = container(pod_of(helm.render(examples["comfyui"])), "share-files")
    script, volume, *folders = share["args"]
    assert [one["mountPath"] for one in share["volumeMounts"]] == [volume]
    for _ in range(2):  # a pod's containers may be started anew
        subprocess.run([sys.executable, "-c", script, tmp_path, *folders], check=True, timeout=30)
    return tmp_path


def test_whatever_a_runtimes_umask_says_others_can_remove_what_it_makes(shared: Path) -> None:
    assert {one.name for one in shared.iterdir()} == {"input", "output", "temp"}
    subprocess.run(
        [sys.executable, "-c", "import os; os.makedirs('output/a/b'); open('output/a/b/c', 'w')"],
        cwd=shared,
        umask=0o077,
        check=True,
        timeout=30,
    )
    for folder in ("output", "output/a", "output/a/b"):
        assert (shared / folder).stat().st_mode & 0o777 == 0o777
