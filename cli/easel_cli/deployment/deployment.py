"""What the steps of one deployment know."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from easel_cli.deployment.estate import ROOT, Estate
from easel_cli.deployment.options import DeployOptions
from easel_cli.deployment.saved_plan import SavedPlan
from easel_cli.deployment.settings import SHIPPED_NAME, Settings
from easel_cli.deployment.terraform_lines import Changes

_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 5}
)


@dataclass
class Deployment:
    """One call of `easel deploy`.

    Attributes:
        options: what a person asks for.
        region: AWS region, and the folder under envs/.
        estate: plans and applies it.
        settings: the folder's terraform.tfvars.
        account: twelve digits; empty before the step that asks for it.
        partition: aws or aws-cn; likewise.
        saved_plan: file of the plan that is shown.
        planned: what that plan has counted.
        outputs: of the stack, once it is applied.
    """

    options: DeployOptions
    region: str
    estate: Estate
    settings: Settings
    saved_plan: SavedPlan
    account: str = ""
    partition: str = ""
    planned: Changes = field(default_factory=Changes)
    outputs: dict[str, Any] = field(default_factory=dict)
    _clients: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, options: DeployOptions, region: str, environments: Path = ROOT / "envs"
    ) -> "Deployment":
        """Names it; nothing is looked at yet.

        Args:
            options: what is asked for.
            region: AWS region.
            environments: folder of all environments.
        """
        path = environments / region / "terraform.tfvars"
        if path.is_relative_to(Path.cwd()):  # shorter to read
            path = path.relative_to(Path.cwd())
        estate = Estate.of_environment(region)
        return cls(options, region, estate, Settings(path), SavedPlan(estate.logs / "plan"))

    @property
    def name(self) -> str:
        """Name of the stack: the settings' own once they are there.

        Raises:
            StepError: the settings do not say it.
        """
        if self.settings.path.is_file() and (
            self.options.stack_name is None or self.settings.name != SHIPPED_NAME
        ):
            return self.settings.name
        return self.options.stack_name or SHIPPED_NAME

    def client(self, service: str) -> Any:
        """Returns a boto3 client in the region."""
        if service not in self._clients:
            connect: Any = boto3.client
            self._clients[service] = connect(service, region_name=self.region, config=_CONFIG)
        return self._clients[service]
