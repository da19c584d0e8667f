"""Clients of AWS: the one door, so that a test can stand in it."""

from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 5}
)


class Aws:
    """Makes clients; one for each service and region."""

    def __init__(
        self,
        region: str,
        make: Callable[[str, str], Any] | None = None,
        *,
        poll_seconds: float = 5.0,
    ) -> None:
        """Nothing is called yet.

        Args:
            region: of the build.
            make: makes the client of a service and region; None: boto3, as the caller.
            poll_seconds: between two looks at something that is awaited.
        """
        self.region = region
        self.poll_seconds = poll_seconds
        self._make = make or _boto3_client
        self._clients: dict[tuple[str, str], Any] = {}

    @property
    def ec2(self) -> Any:
        """EC2 of the region."""
        return self.client("ec2")

    @property
    def iam(self) -> Any:
        """IAM, which is one for all regions of a partition."""
        return self.client("iam")

    @property
    def ssm(self) -> Any:
        """Systems Manager of the region."""
        return self.client("ssm")

    def client(self, service: str, region: str | None = None) -> Any:
        """Returns the client of a service.

        Args:
            service: as boto3 calls it.
            region: None: the build's.
        """
        key = (service, region or self.region)
        if key not in self._clients:
            self._clients[key] = self._make(*key)
        return self._clients[key]


def _boto3_client(service: str, region: str) -> Any:
    make: Any = boto3.Session().client  # its type knows no service by a variable
    return make(service, region_name=region, config=_CONFIG)
