import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from easel_local.aws_proxy import AwsProxy
from easel_local.emulator import Emulator
from tests.faults.aws_resources import AwsClients
from tests.faults.scenario import Cloud, Scenario, Setup

_MAX_NAME = 45
"""A bucket's name may have 63 characters, a queue's 80."""

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
        node: str = request.node.name
        words = re.sub("[^a-z0-9]+", "-", node.removeprefix("test_"))[:_MAX_NAME].strip("-")
        # Two long names may begin alike.
        name = f"{words}-{zlib.crc32(node.encode()):08x}"
        return Scenario(cloud, name, tmp_path, Setup(**options))

    return start
