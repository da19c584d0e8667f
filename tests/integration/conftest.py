from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from easel_local.emulator import Emulator

Client = Callable[..., Any]


@pytest.fixture(scope="session")
def client_of() -> Callable[[Emulator], Client]:
    """Makes boto3 clients of one emulator; as the account's root unless keys are given."""

    def of(emulator: Emulator) -> Client:
        connect: Any = boto3.client

        def client(service: str, **keys: str) -> Any:
            keys = keys or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
            return connect(
                service, endpoint_url=emulator.endpoint_url, region_name="us-east-1", **keys
            )

        return client

    return of


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    log = tmp_path_factory.mktemp("emulator") / "emulator.log"
    with Emulator(log_path=log, enforce_iam=True) as running:
        yield running


@pytest.fixture(scope="session")
def client(emulator: Emulator, client_of: Callable[[Emulator], Client]) -> Client:
    return client_of(emulator)


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "emulator.log"
