"""`make image PUSH=1` with real buildah: ECR's API on the emulator, a real registry beside it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from easel_local.emulator import Emulator
from easel_mirror.run import REGISTRY_ADDRESS_VARIABLE
from tests.charts.prerequisites import missing
from tests.integration.docker_registry import docker_registry
from tests.integration.stand_in_base import ROOT, Containers
from tests.integration.test_mirror_fills_ecr import HTPASSWD, PASSWORD

pytestmark = pytest.mark.integration

REPOSITORY = "easel/queue-agent"


@dataclass
class World:
    """An account's ECR, and a machine with buildah."""

    region: str
    home: Path
    registry: str
    environment: dict[str, str]
    ecr: Any
    containers: Containers

    def make(self, *more: str) -> "subprocess.CompletedProcess[str]":
        dockerfile = self.home / "Dockerfile"
        dockerfile.write_text("FROM scratch\nCOPY agent/easel_agent /easel_agent\nUSER 65532\n")
        return subprocess.run(
            [
                *(sys.executable, "-m", "easel_packaging.image", "--builder", "buildah", "--push"),
                *("--region", self.region, "--dockerfile", str(dockerfile), *more),
            ],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=ROOT,
        )


@pytest.fixture(scope="module", params=["us-east-1", "cn-northwest-1"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    if not shutil.which("skopeo"):
        missing("skopeo is not on PATH: apt-get install skopeo")
    home = tmp_path_factory.mktemp("push")
    containers = Containers(home)
    (home / "htpasswd").write_text(HTPASSWD)
    (home / "registry").mkdir()
    auth = {"htpasswd": {"realm": "ecr", "path": str(home / "htpasswd")}}
    with (
        Emulator(log_path=home / "log", region=request.param) as emulator,
        docker_registry(home / "registry", auth=auth) as registry,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        aws = emulator.environment()
        for name, value in aws.items():
            patch.setenv(name, value)
        environment = (
            aws
            | containers.environment()
            | {
                REGISTRY_ADDRESS_VARIABLE: registry,
                "HOME": str(home),
                "XDG_RUNTIME_DIR": str(home),
            }
        )
        ecr = boto3.Session(region_name=request.param).client("ecr")
        yield World(request.param, home, registry, environment, ecr, containers)


def test_an_image_is_pushed_once_under_a_tag(world: World) -> None:
    done = world.make()
    assert done.returncode == 0, done.stderr
    setting = done.stdout.splitlines()[-1]
    assert setting.startswith(f'agent_image = {{ repository = "{REPOSITORY}", tag = "0.1.0", ')
    (made,) = world.ecr.describe_repositories()["repositories"]
    assert made["repositoryName"] == REPOSITORY
    assert made["imageTagMutability"] == "IMMUTABLE"
    assert made["imageScanningConfiguration"] == {"scanOnPush": True}
    told = world.containers.run(
        *("skopeo", "inspect", "--tls-verify=false", "--creds", f"AWS:{PASSWORD}"),
        f"docker://{world.registry}/{REPOSITORY}:0.1.0",
    )
    assert f'digest = "{json.loads(told)["Digest"]}" }}' in setting
    assert json.loads(told)["Architecture"] == "amd64"
    assert "no SBOM and no provenance are attached: buildah" in done.stderr

    again = world.make()
    assert again.returncode == 1
    assert f"{REPOSITORY}:0.1.0 is there (sha256:" in again.stderr
    assert "building" not in again.stderr
    next_one = world.make("--tag", "0.1.1")
    assert next_one.returncode == 0, next_one.stderr


def test_the_password_stays_nowhere(world: World) -> None:
    done = world.make("--tag", "0.2.0")
    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    kept = {world.home / "registry", world.home / "images", world.home / "run", world.home / "log"}
    files = [
        file
        for file in world.home.rglob("*")
        if file.is_file() and not kept & set(file.parents) and file not in kept
    ]
    assert world.home / "Dockerfile" in files
    assert not [file for file in files if "auth.json" in file.name]
