"""The mount of the model bucket breaks under a pod: its agent ends so that the pod is replaced.

By the agent's real process. A folder that is moved away stands in for a FUSE mount whose process
was killed: a real one needs rights that CI has not. What tells them apart, the error's number, is
in tests/unit/test_agent_leaves_a_pod_without_models.py.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from easel_agent.__main__ import REPLACE_POD
from tests.faults.conftest import StartScenario

pytestmark = pytest.mark.integration

_SECONDS_TO_END = 15
"""Two looks, 5 s apart, and what the agent needs to give its task back."""


def test_a_pod_without_models_gives_its_task_back_without_a_try(
    start_scenario: StartScenario,
) -> None:
    with (
        _models() as models,
        start_scenario(
            agents=1,
            service_seconds=0.1,
            settings={"EASEL_MODELS_DIR": str(models), "EASEL_TASK_TIMEOUT_SECONDS": "600"},
        ) as scenario,
    ):
        [pod] = scenario.pods
        pod.runtime.add_fault("slow", seconds=60)
        scenario.submit_many(1)
        scenario.await_work()
        models.rename(_aside(models))
        assert pod.agent.wait(_SECONDS_TO_END) == REPLACE_POD
        assert f"the mount of the model bucket at {models} is broken" in pod.agent.log_tail()
        [record] = scenario.resources.records()
        assert record.attempts == 0
        # Another pod, with a mount of its own.
        pod.runtime.kill()
        _aside(models).rename(models)
        pod.start()
        pod.await_runtime()
        evidence = scenario.check()
        assert evidence.completed == scenario.accepted
        [record] = scenario.resources.records()
        assert record.attempts == 1


@contextmanager
def _models() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="easel-") as folder:
        models = Path(folder, "models")
        models.mkdir()
        yield models


def _aside(models: Path) -> Path:
    return models.with_name(f"{models.name}-gone")
