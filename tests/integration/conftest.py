import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest

from easel_local.emulator import Emulator
from easel_local.paths import FUNCTIONS_PACKAGE
from easel_packaging.package_functions import package
from tests.integration.applied_estate import AppliedEstate
from tests.integration.model_bucket import Bucket, environment_of
from tests.integration.snapshot_world import SnapshotWorld

Client = Callable[..., Any]


@pytest.fixture(scope="session")
def client_of() -> Callable[[Emulator], Client]:
    """Makes boto3 clients of one emulator; as the account's root unless keys are given.

    They are of the emulator's own region unless another is given.
    """

    def of(emulator: Emulator) -> Client:
        connect: Any = boto3.client

        def client(service: str, *, region: str | None = None, **keys: str) -> Any:
            keys = keys or emulator.credentials.keywords()
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


REGIONS = ("us-east-1", "cn-northwest-1")
Estates = dict[str, AppliedEstate]


@pytest.fixture(scope="session")
def estates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estates]:
    """Both regions' environments, applied at the same time: most of an apply is waiting."""
    if not FUNCTIONS_PACKAGE.exists():
        package("local", FUNCTIONS_PACKAGE)
    home = tmp_path_factory.mktemp("estate")
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        started: Estates = {}
        for region in REGIONS:
            started[region] = AppliedEstate.start(region, home / region / "estate")
            stack.callback(started[region].services.stop)
        for applied in [pool.submit(one.apply) for one in started.values()]:
            applied.result()
        yield started


@pytest.fixture(scope="session")
def snapshot_worlds(
    tmp_path_factory: pytest.TempPathFactory, client_of: Callable[[Emulator], Client]
) -> Iterator[dict[str, SnapshotWorld]]:
    """Both partitions, in an emulator whose default VPC nobody else uses."""
    log = tmp_path_factory.mktemp("snapshots") / "emulator.log"
    with Emulator(log_path=log, enforce_iam=True) as running:
        yield {region: SnapshotWorld(client_of(running), region) for region in REGIONS}


@pytest.fixture(params=REGIONS)
def world(
    request: pytest.FixtureRequest, snapshot_worlds: dict[str, SnapshotWorld]
) -> Iterator[SnapshotWorld]:
    """An account without a snapshot."""
    world = snapshot_worlds[request.param]
    yield world
    world.forget_snapshots()


@pytest.fixture(params=REGIONS)
def estate(request: pytest.FixtureRequest, estates: Estates) -> AppliedEstate:
    return estates[request.param]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts tests of what a destroy leaves behind those that need what it takes."""
    items.sort(key=lambda item: "destroyed" in getattr(item, "fixturenames", ()))


@pytest.fixture
def bucket(emulator: Emulator, client: Client) -> Bucket:
    """An empty model bucket."""
    name = f"models-{uuid.uuid4().hex[:12]}"
    s3 = client("s3")
    s3.create_bucket(Bucket=name)
    return Bucket(name, emulator.region, s3, environment_of(emulator.environment()))
