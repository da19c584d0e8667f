"""`easel deploy` against the emulator: each step's fault stops it, the same command goes on."""

import itertools
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from easel_contract.task import RuntimeType
from easel_deploy.exit_status import ExitStatus
from easel_local.emulator import Emulator
from easel_mirror.run import REGISTRY_ADDRESS_VARIABLE
from tests.integration.deploy_transcript import TRANSCRIPT, WORDS, normalised
from tests.integration.deploy_world import AGENT, IMAGES, DeployWorld, deploying, with_registry
from tests.integration.docker_registry import docker_registry

pytestmark = pytest.mark.integration

REGIONS = ("us-east-1", "us-west-2", "cn-northwest-1")
PLACES = list(itertools.product(REGIONS, RuntimeType))
MakeWorld = Callable[[str, RuntimeType], DeployWorld]
Mend = Callable[[], object]


@pytest.fixture
def make(tmp_path: Path, emulator: Emulator) -> Iterator[MakeWorld]:
    (tmp_path / "registry").mkdir()
    with deploying(tmp_path), docker_registry(tmp_path / "registry") as registry:
        with_registry(registry)
        yield lambda region, kind: DeployWorld(region, kind, tmp_path, registry, emulator)


def ready(world: DeployWorld) -> DeployWorld:
    """All is there that easel does not make by itself."""
    world.push(AGENT)
    world.push(IMAGES[world.kind])
    return world


def without_terraform(_: DeployWorld) -> tuple[str, Mend]:
    path = os.environ["PATH"]
    os.environ["PATH"] = os.devnull
    return "terraform is not on PATH", lambda: os.environ.update(PATH=path)


def without_credentials(world: DeployWorld) -> tuple[str, Mend]:
    there = world.emulator.environment()
    world.lead_to(there | {"AWS_SHARED_CREDENTIALS_FILE": os.devnull})
    return "AWS does not take the credentials", lambda: world.lead_to(there)


def with_another_persons_name(world: DeployWorld) -> tuple[str, Mend]:
    folder = world.environments / world.region
    if not folder.exists():  # another region: there is nothing that it could be made from
        away = world.home / "away"
        shutil.move(world.environments / "us-east-1", away)
        return "is not here", lambda: shutil.move(away, world.environments / "us-east-1")
    file = folder / "terraform.tfvars"
    text = file.read_text()
    file.write_text(text.replace('"easel"', '"other"', 1))
    return 'says name = "other"', lambda: file.write_text(text)


def without_a_bucket(world: DeployWorld) -> tuple[str, Mend]:
    world.break_verb("apply-target=module.model_bucket")
    return "Broken: apply was broken", lambda: None


def with_half_a_model(world: DeployWorld) -> tuple[str, Mend]:
    whole = world.model.read_bytes()
    world.model.write_bytes(whole[:20])
    return "v1-5-pruned-emaonly.safetensors", lambda: world.model.write_bytes(whole)


def without_the_runtimes_image(world: DeployWorld) -> tuple[str, Mend]:
    repository, tag = IMAGES[world.kind]
    url = f"{world.home}/registry/data/docker/registry/v2/repositories/{repository}"
    shutil.rmtree(url)
    return f"PUSH={repository} TAG={tag} REGION={world.region}", lambda: world.push(
        IMAGES[world.kind]
    )


def without_an_ami(world: DeployWorld) -> tuple[str, Mend]:
    # The emulator has no AMI of Bottlerocket's; a colleague's snapshot is found instead.
    return "refused, nothing was made", world.make_snapshot


def with_another_way_in(world: DeployWorld) -> tuple[str, Mend]:
    source = "cn-northwest-1" if world.region.startswith("cn-") else "us-east-1"
    file = world.environments / source / "terraform.tfvars"
    text = file.read_text()
    file.write_text(text.replace("# private_access_cidrs = [", "private_access_cidrs = ["))

    def mend() -> None:
        path = world.settings.path
        path.write_text(re.sub(r"(private_access_cidrs +=)", r"# \1", path.read_text()))

    return "says already from where the cluster's API is reached", mend


def without_a_plan(world: DeployWorld) -> tuple[str, Mend]:
    world.break_verb("plan")
    return "Broken: plan was broken", lambda: None


def with_half_an_apply(world: DeployWorld) -> tuple[str, Mend]:
    world.break_verb("apply")
    return "Broken: apply was broken", lambda: None


FAULTS = {
    "tools": without_terraform,
    "credentials": without_credentials,
    "region": with_another_persons_name,
    "model bucket": without_a_bucket,
    "model": with_half_a_model,
    "images": without_the_runtimes_image,
    "snapshot": without_an_ami,
    "settings": with_another_way_in,
    "plan": without_a_plan,
    "apply": with_half_an_apply,
}
# Every fault, and every place at least once: the places take turns.
CASES = [(step, *place) for step, place in zip(FAULTS, itertools.cycle(PLACES), strict=False)]


@pytest.mark.parametrize(("step", "region", "kind"), CASES)
def test_a_fault_stops_it_with_a_message_and_the_second_run_completes(
    make: MakeWorld, step: str, region: str, kind: RuntimeType
) -> None:
    world = ready(make(region, kind))
    message, mend = FAULTS[step](world)
    if step != "snapshot":
        world.make_snapshot()
    status, said = world.deploy()
    assert status == ExitStatus.FAILED, said
    assert said.count("] not done in ") == 1
    begun = [line.partition("] ")[2] for line in said.splitlines() if line.startswith("[")]
    assert begun[-2] == step, said
    assert message in said
    assert not (world.estate / "applied").exists()
    mend()
    status, said = world.deploy()
    assert status == ExitStatus.COMPLETED, said
    assert (world.estate / "applied").exists()
    for line in ("endpoint   http://here/dev", "results    arn:topic", "easel submit --outputs"):
        assert line in said
    (runtime,) = world.settings.runtimes.values()
    assert runtime.members["nodes"].members["snapshot_id"].string
    assert world.settings.strings("cluster", "public_access_cidrs") == ["203.0.113.7/32"]
    keys = [
        one["Key"] for one in world.client("s3").list_objects_v2(Bucket=world.bucket)["Contents"]
    ]
    assert keys == [f"Stable-diffusion/{world.model.name}"]


def test_the_documents_transcript_is_what_it_says(make: MakeWorld) -> None:
    world = make("us-west-2", RuntimeType.COMFYUI)
    del os.environ[REGISTRY_ADDRESS_VARIABLE]
    asked = {"stack_name": None, "model": None, "public_access_cidr": []}
    shown = [" ".join(("$ easel", *WORDS)), *normalised(TRANSCRIPT.read_text())]
    for begin in (shown.index(shown[0], 1), len(shown) - shown[::-1].index(shown[0])):
        status, said = world.deploy(**asked)
        assert status == ExitStatus.COMPLETED
        lines = normalised(said.replace(f"{world.home}/", ""))
        count = lines.index("[11/12] apply")
        plan = count - 1  # what it counts is Terraform's
        assert lines[:plan] == [line for line in shown[begin:] if line != shown[0]][:plan]
        (world.estate / "applied").unlink(missing_ok=True)
    assert [line.split()[0] for line in shown[-5:]] == [
        line.split()[0] for line in said.splitlines()[-5:]
    ]


# The faults above have both types in every region.
@pytest.mark.parametrize(("region", "kind"), [PLACES[0], PLACES[3], PLACES[4]])
def test_a_dry_run_prepares_and_the_command_without_it_finds_all_that(
    make: MakeWorld, region: str, kind: RuntimeType
) -> None:
    world = ready(make(region, kind))
    world.make_snapshot()
    status, said = world.deploy(dry_run=True)
    assert status == ExitStatus.COMPLETED, said
    assert "3 to add, 0 to change, 0 to destroy" in said
    assert f"apply {region}" not in world.calls
    text = world.settings.path.read_text()
    assert world.settings.name == world.name
    status, said = world.deploy()
    assert status == ExitStatus.COMPLETED, said
    assert world.settings.path.read_text() == text
    assert said.count("] found in ") == 6  # region, bucket, model, images, snapshot, settings
    status, said = world.deploy()
    assert status == ExitStatus.COMPLETED, said
    assert re.search(r"\[11/12\] found in .* nothing to change", said)
    assert world.calls.count(f"apply {region}") == 1
