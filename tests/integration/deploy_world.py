"""A person's checkout, an account on the emulator, and a registry, for `easel deploy`."""

import io
import json
import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console

from easel_cli.deployment.deploy import run_steps, steps_of
from easel_cli.deployment.deployment import Deployment
from easel_cli.deployment.estate import PROGRAM_VARIABLE
from easel_cli.deployment.options import DeployOptions
from easel_cli.deployment.settings import Settings
from easel_contract.task import RuntimeType
from easel_deploy.exit_status import ExitStatus
from easel_deploy.pins import BOTTLEROCKET
from easel_local.emulator import Emulator
from easel_local.emulator.process import UNWANTED_VARIABLES
from easel_mirror.run import REGISTRY_ADDRESS_VARIABLE
from easel_snapshot import tags
from tests.integration import stub_estate
from tests.integration.mirror_world import put_image
from tests.safetensors_files import SD1, safetensors

ENVIRONMENTS = Path(__file__).resolve().parents[2] / "envs"
ACCOUNT = "000000000000"
IMAGES = {
    RuntimeType.SDWEBUI: ("easel/sd-webui", "1.10.1"),
    RuntimeType.COMFYUI: ("easel/comfyui", "0.8.2"),
}
DIGEST = f"sha256:{'5a' * 32}"
AGENT = ("easel/queue-agent", "0.1.0")


@dataclass
class DeployWorld:
    """One person who deploys one runtime into one region.

    Attributes:
        region: where to.
        kind: type of the runtime.
        home: folder of all files.
        registry: host and port of the account's ECR.
        options: what the person says.
    """

    region: str
    kind: RuntimeType
    home: Path
    registry: str
    emulator: Emulator
    options: DeployOptions = field(default_factory=DeployOptions)

    def __post_init__(self) -> None:
        self.environments = self.home / "envs"
        ignored = shutil.ignore_patterns(".terraform", "*.tfstate*")
        for name in ("stack", "us-east-1", "cn-northwest-1"):
            shutil.copytree(
                ENVIRONMENTS / name, self.environments / name, symlinks=True, ignore=ignored
            )
        self.name = f"deploy-{uuid.uuid4().hex[:8]}"
        self.model = self.home / "v1-5-pruned-emaonly.safetensors"
        self.model.write_bytes(safetensors(SD1))
        self.options = DeployOptions(
            region=self.region,
            stack_name=self.name,
            runtime_type=self.kind,
            model=str(self.model),
            public_access_cidr=["203.0.113.7/32"],
            yes=True,
            verify=False,
        )
        self.estate = self.home / "estate"
        self.estate.mkdir()
        self.bucket = f"{self.name}-models-{ACCOUNT}-{self.region}"
        (self.estate / "model-bucket").write_text(self.bucket)
        outputs = {"endpoint": "https://api", "notifications_topic_arn": "arn:topic"}
        values = {name: {"value": value} for name, value in outputs.items()}
        (self.estate / "outputs.json").write_text(json.dumps(values))
        here = values | {"endpoint": {"value": "http://here/dev"}}
        (self.home / "outputs.json").write_text(json.dumps(here))
        self.lead_to(self.emulator.environment())
        ec2 = self.client("ec2")  # others' snapshots hold the same images
        for one in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]:
            ec2.delete_snapshot(SnapshotId=one["SnapshotId"])

    def lead_to(self, environment: dict[str, str]) -> None:
        """Says where the estate's AWS is."""
        started = {
            "environment": {
                name: value for name, value in environment.items() if name.startswith("AWS_")
            },
            "unset": UNWANTED_VARIABLES,
            "outputs": str(self.home / "outputs.json"),
        }
        (self.estate / "started.json").write_text(json.dumps(started))

    def deploy(self, **changes: Any) -> tuple[ExitStatus, str]:
        """Runs the command as the person says it, or with other options."""
        boto3.setup_default_session()  # each command is a process of its own
        said = io.StringIO()
        options = replace(self.options, **changes)
        deployment = Deployment.of(options, self.region, self.environments)
        # Terraform would be initialised for it, in each test; the whole deployment shows it.
        steps = steps_of(options, lambda _: "about 1 USD a month")
        status = run_steps(deployment, steps, Console(file=said, width=200))
        return status, said.getvalue()

    def break_verb(self, verb: str) -> None:
        """Has the next call of a verb fail."""
        (self.estate / "fault").write_text(verb)

    @property
    def calls(self) -> list[str]:
        """What the estate was asked for."""
        return (self.estate / "calls").read_text().splitlines()

    @property
    def settings(self) -> Settings:
        return Settings(self.environments / self.region / "terraform.tfvars")

    def client(self, service: str) -> Any:
        connect: Any = boto3.client
        return connect(
            service,
            endpoint_url=self.emulator.endpoint_url,
            region_name=self.region,
            **self.emulator.credentials.keywords(),
        )

    def push(self, image: tuple[str, str]) -> None:
        """Puts an image into the account's ECR."""
        put_image(self.registry, *image, layers=1, layer_bytes=100)

    def make_snapshot(self) -> str:
        """Makes a snapshot as `easel snapshot build` marks one that holds the images."""
        suffix = ".cn" if self.region.startswith("cn-") else ""
        host = f"{ACCOUNT}.dkr.ecr.{self.region}.amazonaws.com{suffix}"
        ec2 = self.client("ec2")
        volume = ec2.create_volume(AvailabilityZone=f"{self.region}a", Size=20)["VolumeId"]
        marks = {
            tags.BUILD: "20261128t181500z-060m-3fa41c",
            tags.STATE: tags.COMPLETE,
            tags.ARCHITECTURE: "x86_64",
            tags.BOTTLEROCKET: BOTTLEROCKET.version,
        }
        for number, (repository, tag) in enumerate((AGENT, IMAGES[self.kind])):
            reference = f"{host}/{repository}:{tag}"
            marks[f"{tags.IMAGE}{number:02}"] = f"{reference}@{tags._short(DIGEST)}"
        snapshot: str = ec2.create_snapshot(
            VolumeId=volume,
            TagSpecifications=[{"ResourceType": "snapshot", "Tags": tags.tag_list(marks)}],
        )["SnapshotId"]
        return snapshot


@contextmanager
def deploying(home: Path) -> Iterator[None]:
    """An environment of its own for this process, in which the estate is the stub."""
    before = dict(os.environ)
    try:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        program = [sys.executable, stub_estate.__file__, str(home / "estate")]
        os.environ |= {PROGRAM_VARIABLE: " ".join(program), "EASEL_HOME": str(home / "easel")}
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def with_registry(registry: str) -> None:
    """Has ECR's registry be one on this machine."""
    os.environ[REGISTRY_ADDRESS_VARIABLE] = registry
