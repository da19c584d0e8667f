"""Which stack an environment is: its name, its region, its account."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from easel_deploy.environments.root_module import RootModule

_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard"})


@dataclass(frozen=True)
class StackIdentity:
    """A stack, as names in its account are made of it."""

    name: str
    region: str
    _clients: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, root: RootModule) -> "StackIdentity":
        """Reads the variables of an environment.

        Raises:
            TerraformError: they cannot be read.
        """
        found = root.evaluate("{ name = var.name, region = var.region }")
        return cls(found["name"], found["region"])

    @cached_property
    def account(self) -> str:
        """The account of these credentials, 12 digits.

        Raises:
            botocore.exceptions.ClientError: AWS does not take the credentials.
        """
        return str(self.client("sts").get_caller_identity()["Account"])

    def client(self, service: str) -> Any:
        """Returns a boto3 client in the stack's region."""
        if service not in self._clients:
            connect: Any = boto3.client
            self._clients[service] = connect(service, region_name=self.region, config=_CONFIG)
        return self._clients[service]


class StandsElsewhereError(Exception):
    """Something of the stack's name is there, and is not ours to take; the message says what to do.

    A colleague's folder without backend.tf, or a fresh clone, has an empty state while the stack
    stands. What it uses must neither get into a second state nor be destroyed from there.
    """

    def __init__(self, what: str, stack: StackIdentity, command: str) -> None:
        super().__init__(
            f"{what} is there, but Terraform's state here does not have it, and no destroy has "
            "marked it as kept.\n"
            f"  Most likely a stack named {stack.name} stands in {stack.region}, and its state is "
            f"elsewhere: is envs/{stack.region}/backend.tf missing?\n"
            f"  If you are sure that nothing uses it, run this, and then the same again:\n"
            f"    {command}"
        )
