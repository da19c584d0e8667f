from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from easel_local.emulator import Emulator

Client = Callable[..., Any]


@pytest.fixture(scope="session")
def client_of() -> Callable[[Emulator], Client]:
    """Makes boto3 clients of one emulator; as the account's root unless keys are given.

    They are of the emulator's own region unless another is given.
    """

    def of(emulator: Emulator) -> Client:
        connect: Any = boto3.client

        def client(service: str, *, region: str | None = None, **keys: str) -> Any:
            keys = keys or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
            region = region or emulator.region
            return connect(service, endpoint_url=emulator.endpoint_url, region_name=region, **keys)

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


@pytest.fixture(scope="session")
def bare(
    tmp_path_factory: pytest.TempPathFactory, client_of: Callable[[Emulator], Client]
) -> Iterator[Client]:
    """Clients of an emulator without bridges."""
    log = tmp_path_factory.mktemp("bare") / "emulator.log"
    with Emulator(log_path=log, enforce_iam=True, bridges=False) as running:
        yield client_of(running)


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "emulator.log"
