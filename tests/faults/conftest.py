import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from easel_local.aws_proxy import AwsProxy
from easel_local.emulator import Emulator
from tests.faults.aws_resources import AwsClients
from tests.faults.scenario import Cloud, Scenario, Setup

_MAX_NAME = 50
"""A bucket's name may have 63 characters."""

StartScenario = Callable[..., AbstractContextManager[Scenario]]


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    with Emulator(log_path=folder / "emulator.log") as emulator:
        proxy = AwsProxy(
            emulator.endpoint_url,
            log_path=folder / "proxy.log",
            environment=emulator.environment(),
        )
        with proxy:
            yield Cloud(emulator, proxy, AwsClients(emulator))


@pytest.fixture
def start_scenario(cloud: Cloud, request: pytest.FixtureRequest, tmp_path: Path) -> StartScenario:
    """Makes the scenario of this test; its options are those of `Setup`."""

    def start(**options: Any) -> Scenario:
        name = re.sub("[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))
        return Scenario(cloud, name[:_MAX_NAME].strip("-"), tmp_path, Setup(**options))

    return start
