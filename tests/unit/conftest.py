import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from easel_agent import claim_keeper, runtime_monitor
from easel_agent.retry_policy import RetryPolicy
from easel_agent.traces import Traces

from .agent_world import DEADLINE_SECONDS, World

GOLDEN = Path(__file__).parents[1] / "data" / "contract"


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Any]:
    """Reads one of the golden JSON files that the Lambda's and the agent's tests share."""
    return lambda name: json.loads((GOLDEN / f"{name}.json").read_text())


@pytest.fixture
def more_settings() -> dict[str, str]:
    """Of the world's agent, by environment variable; a module of tests may have its own."""
    return {}


@pytest.fixture
def traces() -> Traces | None:
    """Whom the world's agent tells of tasks; a module of tests may have its own."""
    return None


@pytest.fixture
def world(
    monkeypatch: pytest.MonkeyPatch, more_settings: dict[str, str], traces: Traces | None
) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(RetryPolicy, "_delay_seconds", lambda *_: 0)
    monkeypatch.setattr(runtime_monitor, "_POLL_SECONDS", 0.02)
    monkeypatch.setattr(runtime_monitor, "_JOB_POLL_SECONDS", 0.02)
    monkeypatch.setattr(claim_keeper, "RENEWAL_SECONDS", 0.1)
    with mock_aws():
        world = World(more=more_settings, traces=traces)
        world.thread.start()
        yield world
        world.worker.stop()
        world.thread.join(DEADLINE_SECONDS)
        assert not world.thread.is_alive()


@pytest.fixture
def task(golden: Callable[[str], Any]) -> dict[str, Any]:
    message: dict[str, Any] = golden("task-v1alpha2-text-to-image")
    return message
