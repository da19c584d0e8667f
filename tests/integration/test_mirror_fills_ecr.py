"""The whole list of a region goes into ECR: the emulator's API, a real registry for its data.

The registries of others are one real registry on this machine, under their own names; what lies in
it is made here. Terraform itself reads the region's settings.
"""

import io
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from rich.console import Console

from easel_deploy.environments.root_module import RootModule
from easel_deploy.helm_binary import find_helm
from easel_deploy.pins import pulled
from easel_deploy.terraform_config import write_cli_config
from easel_local.emulator import Emulator
from easel_local.estate import root_folder
from easel_mirror import run
from easel_mirror.credentials import FixedLogin
from easel_mirror.errors import MirrorError
from easel_mirror.registry import Registries, Registry
from easel_mirror.run import REGISTRY_ADDRESS_VARIABLE, Options, target_of
from easel_mirror.settings import EnvironmentSettings, ImageSetting, read_settings
from tests.charts.prerequisites import missing
from tests.integration.docker_registry import docker_registry
from tests.integration.mirror_world import ROOT, put_image
from tests.rigs.http_server import files_of, http_server

pytestmark = pytest.mark.integration

ACCOUNT = "000000000000"
DOMAINS = {"us-east-1": "amazonaws.com", "cn-northwest-1": "amazonaws.com.cn"}
# bcrypt of the emulator's password, as htpasswd -B makes it.
HTPASSWD = "AWS:$2b$04$SsiMHFDGYx6mMthH40fmgOMr1LHQTzH00FAJXSGZ24ox8eJINhSNS\n"
PASSWORD = "ministack-auth-token"
WEBUI = "ghcr.io/me/webui:1.0"


@dataclass
class World:
    """One region's world."""

    region: str
    home: Path
    folder: Path
    public: str
    ecr: str
    client: Any
    digests: dict[str, str]
    """Of the images in others' registries, by the mirror's repository."""
    settings: EnvironmentSettings

    @property
    def host(self) -> str:
        return f"{ACCOUNT}.dkr.ecr.{self.region}.{DOMAINS[self.region]}"

    def run(self, *, copies: bool = True) -> tuple[int, str]:
        """Runs `easel mirror --env REGION`; returns its status and what it said."""
        options = Options(
            folder=self.folder,
            copies=copies,
            images=(),
            platforms=frozenset(),
            host=None,
            prefix=None,
            spool=self.home / "spool",
            parallel=4,
            as_json=False,
        )
        said = io.StringIO()
        names = ("public.ecr.aws", "ghcr.io", "docker.io")
        sources = Registries([Registry(name, FixedLogin(), self.public) for name in names])
        console = Console(file=said, width=300)
        status = run.Run(options, console, threading.Event(), sources).result()
        return status, said.getvalue()


@pytest.fixture(scope="module")
def helm() -> str:
    return str(find_helm(ROOT / ".easel" / "tools"))


@contextmanager
def chart_repository(folder: Path, helm: str) -> Iterator[str]:
    """KEDA's stand-in chart in a plain HTTP repository."""
    folder.mkdir()
    chart = ROOT / "local" / "charts" / "keda"
    subprocess.run([helm, "package", chart, "-d", folder], check=True, capture_output=True)
    subprocess.run([helm, "repo", "index", folder], check=True, capture_output=True)
    with http_server(files_of(folder)) as url:
        yield url


def fill(public: str, helm: str, folder: Path) -> dict[str, str]:
    """Puts all that is pinned into the registry of others; returns the images' digests."""
    folder.mkdir()
    for name in ("karpenter", "karpenter-crd"):
        chart = ROOT / "local" / "charts" / name
        subprocess.run([helm, "package", chart, "-d", folder], check=True, capture_output=True)
        (package,) = folder.glob(f"{name}-[0-9]*.tgz")
        push = [helm, "push", package, f"oci://{public}/karpenter", "--plain-http"]
        subprocess.run(push, check=True, capture_output=True)
    digests = {}
    for number, image in enumerate(pulled.IMAGES):
        repository = image.repository.partition("/")[2]
        stored = put_image(public, repository, image.tag, layer_bytes=20_000, seed=number)
        digests[f"easel/{image.copied_to}"] = stored.digest
    stored = put_image(public, "me/webui", "1.0", platforms=(("linux", "amd64"),), seed=99)
    digests["easel/ghcr.io/me/webui"] = stored.digest
    return digests


@pytest.fixture(scope="module", params=["us-east-1", "cn-northwest-1"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, helm: str
) -> Iterator[World]:
    region: str = request.param
    home = tmp_path_factory.mktemp(region)
    (home / "htpasswd").write_text(HTPASSWD)
    auth = {"htpasswd": {"realm": "ecr", "path": str(home / "htpasswd")}}
    for name in ("public", "ecr"):
        (home / name).mkdir()
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        emulator = stack.enter_context(Emulator(log_path=home / "log", region=region))
        public = stack.enter_context(docker_registry(home / "public"))
        ecr = stack.enter_context(docker_registry(home / "ecr", auth=auth))
        charts = stack.enter_context(chart_repository(home / "repository", helm))
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in emulator.environment().items():
            patch.setenv(name, value)
        patch.setenv("HOME", str(home))
        patch.setenv(REGISTRY_ADDRESS_VARIABLE, ecr)
        digests = fill(public, helm, home / "packages")
        base = replace(pulled.AGENT_BASE_IMAGE, digest=digests["easel/python"])
        keda = replace(pulled.KEDA_CHART, repository=charts)
        patch.setattr(pulled, "IMAGES", (*pulled.IMAGES[:-1], base))
        patch.setattr(pulled, "CHARTS", (*pulled.CHARTS[:-1], keda))
        folder = root_folder(region, home)
        runtime = {"type": "comfyui", "image": {"repository": WEBUI[:-4], "tag": WEBUI[-3:]}}
        (folder / "test.auto.tfvars.json").write_text(json.dumps({"runtimes": {"a": runtime}}))
        client = boto3.Session(region_name=region).client("ecr")
        # Terraform is asked once; it takes seconds each time.
        settings = read_settings(folder)
        patch.setattr(run, "read_settings", lambda _: settings)
        yield World(region, home, folder, public, ecr, client, digests, settings)


def digest_by_skopeo(skopeo: str, name: str, login: list[str]) -> str:
    inspect = [skopeo, "inspect", "--raw", *login, name]
    raw = subprocess.run(inspect, check=True, capture_output=True).stdout
    told = subprocess.run(
        [skopeo, "manifest-digest", "/dev/stdin"], input=raw, check=True, capture_output=True
    ).stdout
    return told.decode().strip()


def test_a_region_is_filled_and_filled_again(world: World, helm: str, tmp_path: Path) -> None:
    skopeo = shutil.which("skopeo")
    if not skopeo:
        missing("skopeo is not on PATH: apt-get install skopeo")
    status, said = world.run(copies=False)
    assert status == 0, said
    assert "0 there, 9 to copy" in said
    assert "missing   image of the queue agent: easel/queue-agent, 0.1.0" in said
    assert "repositories to make: easel/charts/keda, easel/ghcr.io/me/webui" in said
    assert world.client.describe_repositories()["repositories"] == []

    status, said = world.run()
    assert status == 0, said
    status, said = world.run()
    assert status == 0, said
    assert "9 there, 0 to copy (0 bytes), 0 impossible" in said
    assert "note: repository" not in said

    # skopeo and Helm judge.
    login = [f"--creds=AWS:{PASSWORD}", "--tls-verify=false"]
    tags = {f"easel/{one.copied_to}": one.tag for one in pulled.IMAGES}
    for repository, digest in world.digests.items():
        name = f"docker://{world.ecr}/{repository}:{tags.get(repository, '1.0')}"
        assert digest_by_skopeo(skopeo, name, login) == digest
    sign_in = [helm, "registry", "login", world.ecr, "--plain-http", "-u", "AWS"]
    subprocess.run(
        [*sign_in, "--password-stdin"], input=PASSWORD, text=True, check=True, capture_output=True
    )
    for chart in pulled.CHARTS:
        reference = f"oci://{world.ecr}/easel/{chart.copied_to}"
        pull = [helm, "pull", reference, "--version", chart.version, "--plain-http"]
        subprocess.run([*pull, "-d", tmp_path], check=True, capture_output=True)
    packages = [*(world.home / "repository").glob("*.tgz"), *(world.home / "packages").iterdir()]
    assert len(packages) == len(pulled.CHARTS)
    for package in packages:
        assert (tmp_path / package.name).read_bytes() == package.read_bytes()


@pytest.fixture(scope="module")
def filled(world: World) -> World:
    assert world.run()[0] == 0
    return world


def test_repositories_are_made_as_documented(filled: World) -> None:
    world = filled
    described = world.client.describe_repositories()["repositories"]
    assert {one["repositoryName"] for one in described} == {
        *(f"easel/{one.copied_to}" for one in (*pulled.CHARTS, *pulled.IMAGES)),
        "easel/ghcr.io/me/webui",
    }
    for one in described:
        assert one["imageTagMutability"] == "IMMUTABLE"
        assert one["imageScanningConfiguration"] == {"scanOnPush": True}
        tags = world.client.list_tags_for_resource(resourceArn=one["repositoryArn"])["tags"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == {
            "Stack": "easel",
            "ManagedBy": "easel",
            "Environment": world.region,
        }
        policy = world.client.get_lifecycle_policy(repositoryName=one["repositoryName"])
        (rule,) = json.loads(policy["lifecyclePolicyText"])["rules"]
        assert rule["selection"]["tagStatus"] == "untagged"


def test_terraform_finds_the_copies(filled: World) -> None:
    world = filled
    written = json.loads((world.folder / "mirror.auto.tfvars.json").read_text())
    copy = {
        "repository": "easel/ghcr.io/me/webui",
        "digest": world.digests["easel/ghcr.io/me/webui"],
    }
    assert written == {
        "mirror_prefix": "easel",
        "mirrored": {"images": {WEBUI: copy}, "charts": {}},
    }
    config = write_cli_config(world.home / "cli")
    environment = os.environ | {
        "TF_CLI_CONFIG_FILE": str(config),
        "TF_VAR_functions_package_path": str(world.folder / "versions.tf"),
    }
    module = RootModule(world.folder, environment)
    found = module.evaluate("local.copied_images")
    assert found == {"agent": None, "runtime/a": copy}


def test_a_repository_that_was_made_otherwise_is_said_and_left(filled: World) -> None:
    world = filled
    name = "easel/kedacore/keda"
    world.client.put_image_tag_mutability(repositoryName=name, imageTagMutability="MUTABLE")
    _, said = world.run()
    assert f"note: repository {name}: tags can be moved" in said
    (described,) = world.client.describe_repositories(repositoryNames=[name])["repositories"]
    assert described["imageTagMutability"] == "MUTABLE"


def test_an_image_for_another_machine_is_refused(
    filled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_image(filled.public, "me/arm", "1.0", platforms=(("linux", "arm64"),), seed=5)
    image = ImageSetting("runtime a", "ghcr.io/me/arm", "1.0")
    settings = replace(filled.settings, images=(image,))
    monkeypatch.setattr(run, "read_settings", lambda _: settings)
    written = (filled.folder / "mirror.auto.tfvars.json").read_bytes()
    status, said = filled.run()
    assert status == 1
    assert "is for linux/arm64, and its nodes are linux/amd64: build it for them" in said
    assert "no settings are written, as something is missing" in said
    assert (filled.folder / "mirror.auto.tfvars.json").read_bytes() == written


def test_wrong_credentials_are_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    with pytest.raises(MirrorError, match="does not say whose account"):
        target_of(world.settings, None)
