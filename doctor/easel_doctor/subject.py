"""The environment that is looked at: its settings, its outputs, and the ways to ask about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import requests
from botocore.exceptions import BotoCoreError, ClientError

from easel_doctor.settings import Settings
from easel_snapshot.aws import Aws
from easel_snapshot.caller import Caller, find_caller


@dataclass(frozen=True)
class Subject:
    """What the checks are about; making one calls nothing.

    Attributes:
        folder: of the environment, for messages and for Terraform.
        settings: what its terraform.tfvars says.
        outputs: values of `terraform output` by name; none before the first apply.
        aws: clients of the region.
        http: asks registries and for this machine's address.
        helm_tools: folder that a pinned helm may lie in.
    """

    folder: Path
    settings: Settings
    outputs: Mapping[str, Any]
    aws: Aws
    http: requests.Session = field(default_factory=requests.Session)
    helm_tools: Path = Path(".easel", "tools")

    @property
    def name(self) -> str:
        """Of the environment, as ENV= takes it."""
        return self.folder.name

    @property
    def make_words(self) -> str:
        """What a verb of `make` needs to mean this stack."""
        return f"ENV={self.name}{' LOCAL=1' if self.is_emulated else ''}"

    @property
    def is_applied(self) -> bool:
        """Whether there is a cluster to look at."""
        return bool(self.outputs.get("cluster_name"))

    @property
    def is_emulated(self) -> bool:
        """Whether the stack is on an emulator of this machine: there no quota is, and no node."""
        return bool(self.outputs.get("aws_endpoint_url"))

    @property
    def tfvars(self) -> str:
        """The file that settings are changed in, for messages."""
        return f"envs/{self.name}/terraform.tfvars"

    @property
    def caller(self) -> Caller:
        """Whose credentials are used; AWS is asked once.

        Raises:
            botocore.exceptions.ClientError: the credentials are not good.
            botocore.exceptions.BotoCoreError: there are none, or AWS cannot be reached.
        """
        answer = self._caller
        if isinstance(answer, Exception):
            raise answer
        return answer

    @cached_property
    def _caller(self) -> Caller | ClientError | BotoCoreError:
        try:
            return find_caller(self.aws)
        except (ClientError, BotoCoreError) as error:
            return error

    @property
    def model_bucket(self) -> str:
        """Name of the model bucket, as envs/stack/main.tf makes it up.

        Raises:
            botocore.exceptions.ClientError: as `caller`.
        """
        if arn := self.settings.model_bucket_arn:
            return arn.rpartition(":")[2]
        return f"{self.settings.name}-models-{self.caller.account}-{self.settings.region}"
