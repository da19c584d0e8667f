"""AWS that goes away and comes back with all it knew."""

from pathlib import Path

import pytest

from easel_local.emulator import Emulator, EmulatorPlace
from easel_local.ports import free_port
from tests.aws_proxy import AwsProxy
from tests.faults.aws_resources import AwsClients
from tests.faults.scenario import Cloud, Scenario, Setup

pytestmark = pytest.mark.integration


def test_emulator_restarted_with_its_state(tmp_path: Path) -> None:
    emulator = Emulator(
        log_path=tmp_path / "emulator.log",
        place=EmulatorPlace(free_port(), state_dir=tmp_path / "state"),
    )
    with emulator:
        proxy = AwsProxy(
            emulator.endpoint_url,
            log_path=tmp_path / "proxy.log",
            environment=emulator.environment(),
        )
        with (
            proxy,
            Scenario(
                Cloud(emulator, proxy, AwsClients(emulator)),
                "emulator-restarted",
                tmp_path,
                Setup(service_seconds=0.3),
            ) as scenario,
        ):
            scenario.submit_many(30)
            scenario.await_work()
            emulator.stop()
            emulator.start()
            evidence = scenario.check()
        assert evidence.completed == scenario.accepted
