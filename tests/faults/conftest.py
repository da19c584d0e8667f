from collections.abc import Iterator
from functools import partial

import pytest

from easel_local.emulator import Emulator
from tests.aws_proxy import AwsProxy
from tests.faults.aws_resources import AwsClients
from tests.faults.scenario import Cloud
from tests.faults.side_by_side import SideBySide, StartScenario, is_scenario

__all__ = ["StartScenario"]

_SIDE_BY_SIDE = pytest.StashKey[SideBySide]()


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


@pytest.fixture(scope="session")
def side_by_side(
    cloud: Cloud, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SideBySide]:
    tests = SideBySide(cloud, tmp_path_factory.mktemp("scenarios"))
    request.config.stash[_SIDE_BY_SIDE] = tests
    yield tests
    tests.end()


@pytest.fixture
def start_scenario(side_by_side: SideBySide, request: pytest.FixtureRequest) -> StartScenario:
    """Makes the scenario of this test; its options are those of `Setup`."""
    return partial(side_by_side.start, request.node.name)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Has the tests that take `start_scenario` run at the same time; leaves others to pytest."""
    if not is_scenario(pyfuncitem):
        return None
    pyfuncitem.config.stash[_SIDE_BY_SIDE].result_of(pyfuncitem)
    return True
