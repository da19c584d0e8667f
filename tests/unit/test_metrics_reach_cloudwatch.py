"""Metrics are lines in CloudWatch's embedded metric format, sent by whom the list says."""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any
from unittest.mock import create_autospec, patch

import jsonschema
import pytest

from easel_agent.errors import CancelledTaskError, RejectedTaskError, TransientError
from easel_agent.gpu_time import GpuTime
from easel_agent.metric_lines import MetricLines, TaskEnd, every_minute
from easel_agent.metrics import Metrics
from easel_contract import metrics
from easel_contract.emf import metric_line
from easel_contract.errors import TaskErrorCode
from easel_contract.metrics import METRICS, BrokenReason, Dimension, Emitter
from easel_contract.result import ResultStatus, TaskResult
from easel_contract.task import TaskType
from easel_webhook import batch
from easel_webhook.batch import CallbackBatches
from easel_webhook.callback_queue import CallbackQueue
from easel_webhook.posting import Attempt, PostRules, Verdict
from easel_webhook.signing import Signer, SigningSecrets

from .agent_world import World, eventually

pytestmark = pytest.mark.unit

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
_NAME = {"type": "string", "minLength": 1, "maxLength": 1024}
_METRIC = {
    "type": "object",
    "required": ["Name"],
    "properties": {"Name": _NAME, "Unit": {"enum": ["Seconds", "Count", "Percent", "None"]}},
}
_DIRECTIVE = {
    "type": "object",
    "required": ["Namespace", "Dimensions", "Metrics"],
    "properties": {
        "Namespace": _NAME,
        "Dimensions": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "array", "items": {"type": "string"}, "maxItems": 30},
        },
        "Metrics": {"type": "array", "minItems": 1, "maxItems": 100, "items": _METRIC},
    },
}
FORM = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {"type": "array", "items": _DIRECTIVE},
            },
        }
    },
}
BY_NAME = {metric.name: metric for metric in METRICS}
SECRETS = ("prompt", "A dog", "x-api-key")


def series(line: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What CloudWatch makes of a line: values by name and dimensions."""
    told = json.loads(line)
    jsonschema.validate(told, FORM)
    found = {}
    for directive in told["_aws"]["CloudWatchMetrics"]:
        for entry in directive["Metrics"]:
            assert entry["Unit"] == BY_NAME[entry["Name"]].unit
            for names in directive["Dimensions"]:
                dimensions = tuple((name, told[name]) for name in names)
                found[entry["Name"], dimensions] = told[entry["Name"]]
    assert found
    return found


def names(lines: list[str]) -> set[str]:
    return {name for line in lines for name, _ in series(line)}


def lines_of(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith('{"_aws"')]


def test_a_line_has_every_series_of_its_metrics() -> None:
    line = metric_line(
        {metrics.TASKS_FAILED: 1, metrics.END_TO_END: 2.5, metrics.COST: None},
        {
            Dimension.STACK: "easel",
            Dimension.RUNTIME: "sdxl",
            Dimension.TASK_TYPE: "pipeline",
            Dimension.REASON: "runtime_failed",
        },
        {"task_uid": "u"},
    )
    runtime = (("Stack", "easel"), ("Runtime", "sdxl"))
    assert series(line) == {
        ("TasksFailed", runtime): 1,
        ("TasksFailed", (*runtime, ("Reason", "runtime_failed"))): 1,
        ("EndToEnd", runtime): 2.5,
        ("EndToEnd", (*runtime, ("TaskType", "pipeline"))): 2.5,
    }
    assert json.loads(line)["task_uid"] == "u"
    assert "\n" not in line


@pytest.fixture
def told(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of the world's agent."""
    found: list[str] = []
    monkeypatch.setattr(world.agent.metrics, "_lines", MetricLines("tasks", "r", found.append))
    return found


def test_an_agent_counts_what_becomes_of_its_tasks(
    world: World, told: list[str], task: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="easel_agent")

    def switched() -> None:
        time.sleep(0.05)

    rejected = RejectedTaskError(TaskErrorCode.RUNTIME_REJECTED, "no such sampler")
    hopeless = TransientError("never")
    world.runtime.script = [switched, TransientError("once"), switched, rejected]
    world.runtime.script += [hopeless, hopeless, CancelledTaskError("no more")]
    for done in range(5):
        world.accept(task)
        world.results(1)
        eventually(world.settled)
        eventually(lambda count=done: sum("TasksEnded" in line for line in told) == count + 1)  # type: ignore[misc]
    world.agent.metrics.gave_up(BrokenReason.HANGS)
    world.agent.metrics.report_minute()
    sums: dict[str, float] = {}
    for line in told:
        for (name, dimensions), value in series(line).items():
            assert dimensions[:2] == (("Stack", "tasks"), ("Runtime", "r"))
            if len(dimensions) == 2:
                sums[name] = sums.get(name, 0) + value
    assert sums["TasksEnded"] == 5
    assert (sums["TasksFailed"], sums["TasksCancelled"]) == (2, 1)
    assert (sums["TasksReturned"], sums["TaskRetries"], sums["TasksDeadLettered"]) == (2, 2, 1)
    assert sums["Pictures"] == 4
    assert sums["Inference"] == pytest.approx(0.1, abs=0.1)
    assert sums["EndToEnd"] > sums["Inference"] + sums["Upload"]
    assert 0 < sums["GpuBusy"] <= 100
    assert sums["Cost"] == pytest.approx(sums["Inference"] / 1000, rel=0.3)
    of_agents = {metric.name for metric in METRICS if Emitter.AGENT in metric.emitters}
    assert names(told) >= of_agents - {"ModelSwitches", "IdleGap"}
    logged = str([vars(record) for record in caplog.records])
    assert "trace_id" in logged
    assert not [secret for secret in SECRETS if secret in "".join(told) + logged]


def test_the_wait_between_two_tasks_counts_only_while_one_was_here() -> None:
    gpu = GpuTime()
    early = time.monotonic()
    assert gpu.began(early) is None
    time.sleep(0.05)
    gpu.ended()
    time.sleep(0.05)
    gap = gpu.began(early)
    assert gap is not None
    assert 0.04 < gap < 5
    gpu.ended()
    assert gpu.began(time.monotonic()) is None
    gpu.ended()
    assert 20 < gpu.busy_share() < 80
    assert gpu.busy_share() == pytest.approx(0, abs=1)


def test_two_tasks_at_once_are_one_busy_gpu() -> None:
    gpu = GpuTime()
    assert gpu.began(0) is None
    assert gpu.began(0) is None
    time.sleep(0.02)
    gpu.ended()
    assert gpu.busy_share() > 90
    gpu.ended()


def test_a_report_comes_every_minute_until_it_is_stopped() -> None:
    count: list[int] = []
    stopped = every_minute(lambda: count.append(1), seconds=0.01)
    eventually(lambda: len(count) > 2)
    stopped.set()


def test_model_switches_and_gaps_stand_in_the_line_of_their_task(
    told: list[str], world: World
) -> None:
    result = TaskResult(id="a", result=True, status=ResultStatus.COMPLETED)
    end = TaskEnd(TaskType.PIPELINE, idle_gap_seconds=0.25, model_switches=2)
    world.agent.metrics.finished(result, end)
    world.agent.metrics.finished(result, None)
    [line] = told
    values = {name: value for (name, _), value in series(line).items()}
    assert (values["ModelSwitches"], values["IdleGap"]) == (2, 0.25)
    Metrics("without").finished(result, end)


ATTEMPTS = {
    "good": Attempt(Verdict.DELIVERED, http_status=200),
    "busy": Attempt(Verdict.RETRY, "answered 500", 500),
    "gone": Attempt(Verdict.FINAL, "wants no more", 410),
}


@pytest.fixture
def posting() -> Iterator[None]:
    def post(callback: Any, _signature: Mapping[str, str], _rules: PostRules) -> Attempt:
        return ATTEMPTS[callback.task_id]

    with patch.object(batch, "post_callback", post):
        yield


@pytest.mark.usefixtures("posting")
def test_the_webhook_function_counts_attempts(capsys: pytest.CaptureFixture[str]) -> None:
    secrets = create_autospec(SigningSecrets, instance=True)
    secrets.signer.return_value = create_autospec(Signer, instance=True)
    queue = create_autospec(CallbackQueue, instance=True)
    records = [
        {
            "messageId": name,
            "body": TaskResult(
                id=name, result=True, status=ResultStatus.COMPLETED, event_id="e"
            ).to_json(),
            "messageAttributes": {"callback_url": {"stringValue": f"https://{name}.example/"}},
        }
        for name in ATTEMPTS
    ]
    CallbackBatches(secrets, queue, PostRules(), "easel").send(records, None)
    lines = lines_of(capsys.readouterr().out)
    assert len(lines) == 3
    assert names(lines) == {metric.name for metric in METRICS if Emitter.WEBHOOK in metric.emitters}
    assert {dimensions for line in lines for _, dimensions in series(line)} == {
        (("Stack", "easel"),)
    }
