"""What a load sends, and what a person reads of it."""

import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from easel_cli.progress import Progress
from easel_cli.request_building import RequestError
from easel_cli.target import Target
from easel_contract.task import TaskType
from easel_deploy.command_line import WrongUsageError
from easel_load.arrivals import Pattern, expected_tasks, rates
from easel_load.consent import may_go_on
from easel_load.figures import figures_of
from easel_load.knee import Search, Step
from easel_load.mix import body_of, default_mix, mix_of_files
from easel_load.options import LoadOptions, Shape
from easel_load.plan import Plan
from easel_load.report import Report, Run, write_report
from easel_load.sending import is_hopeless, read_sent

from .load_world import load_of_line, refusal, request

pytestmark = pytest.mark.unit


@pytest.fixture
def target() -> Target:
    queue = {"queue_url": "http://queue", "dead_letter_queue_url": "http://dead"}
    return Target.model_validate(
        {
            "region": "us-east-1",
            "endpoint": "https://api.example.com/dev",
            "api_key_id": "key",
            "output_bucket": "bucket",
            "records_table": "table",
            "tasks_topic_arn": "arn:aws:sns:us-east-1:000000000000:tasks",
            "notifications_topic_arn": "arn:aws:sns:us-east-1:000000000000:notifications",
            "runtimes": {
                "sdruntime": {"type": "sdwebui", "model_filename": "a.safetensors", **queue},
                "comfy": {"type": "comfyui", **queue},
            },
        }
    )


@pytest.mark.parametrize(
    ("pattern", "share"),
    # The share of the highest rate's tasks that come: areas under the shapes.
    [
        (Pattern.CONSTANT, 1.0),
        (Pattern.RAMP, 0.5),
        (Pattern.BURST, 0.9 * 0.1 + 0.1),
        (Pattern.DAY, 0.1 + 0.9 / 2),
    ],
)
def test_a_pattern_has_its_shape(pattern: Pattern, share: float) -> None:
    arrivals = rates(pattern, 20.0, 1000)
    assert max(arrivals) == pytest.approx(20.0, rel=0.01)
    assert min(arrivals) >= 0
    assert expected_tasks(arrivals) == pytest.approx(20 * 1000 * share, rel=0.01)


def test_every_runtime_gets_a_request_of_its_own(target: Target) -> None:
    shares = default_mix(target, [])
    assert [(one.runtime, one.tasktype) for one in shares] == [
        ("sdruntime", TaskType.TEXT_TO_IMAGE),
        ("comfy", TaskType.PIPELINE),
    ]
    with pytest.raises(RequestError, match=r"nobody.*the stack has sdruntime, comfy"):
        default_mix(target, ["nobody"])


def test_no_two_requests_are_alike(target: Target) -> None:
    for share in default_mix(target, []):
        bodies = [body_of(share, "load/x", 60)["task"] for _ in range(2)]
        assert bodies[0]["metadata"]["id"] != bodies[1]["metadata"]["id"]
        assert bodies[0]["content"] != bodies[1]["content"]


def test_files_of_a_mix_are_all_looked_at(target: Target, tmp_path: Path) -> None:
    metadata = {"id": "x", "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "p"}
    good, other = tmp_path / "good.json", tmp_path / "other.json"
    good.write_text(json.dumps({"task": {"metadata": metadata, "content": {"prompt": "A"}}}))
    other.write_text(json.dumps({"task": {"metadata": metadata | {"runtime": "gone"}}}))
    broken = tmp_path / "broken.json"
    broken.write_text("[]")
    assert [one.weight for one in mix_of_files([f"{good}=7", str(good)], target)] == [7, 1]
    with pytest.raises(RequestError) as caught:
        mix_of_files([str(other), f"{good}=0", str(broken), str(tmp_path / "none")], target)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert "'gone' is none of the stack's" in lines[0]
    assert "whole number from 1" in lines[1]
    assert "is no request of v1alpha2" in lines[2]
    assert "No such file" in lines[3]


@pytest.mark.parametrize(
    ("arrivals", "expected"), [([0.05, 0.05], 0.05), ([0.0, 3.0], 0.2), ([1000.0], 2.0)]
)
def test_users_are_many_and_slow(arrivals: list[float], expected: float) -> None:
    plan = Plan(
        target="",
        rates=arrivals,
        shares=[],
        tenants={},
        prefix="p",
        deadline_seconds=1,
        max_tasks=1,
        sent=Path("sent"),
    )
    assert plan.rate_per_user == expected


def test_only_whole_lines_are_read(tmp_path: Path) -> None:
    file = tmp_path / "sent.jsonl"
    assert read_sent(file) == []
    line = request(1, 0.0).model_dump_json()
    file.write_text(f"{line}\n{line[:20]}")
    assert [one.uid for one in read_sent(file)] == ["uid-1"]


def test_a_stack_that_fails_is_loaded_no_more() -> None:
    good = [request(number, 0.0) for number in range(30)]
    assert not is_hopeless(good)
    throttled = [refusal(0.0, 429) for _ in range(30)]
    assert not is_hopeless(throttled)
    unavailable = [refusal(0.0, 503) for _ in range(30)]
    assert not is_hopeless(unavailable)
    broken = [refusal(0.0, 502, says_when=False) for _ in range(11)]
    assert is_hopeless([*good, *broken])
    assert not is_hopeless(broken)  # too few to tell


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rate": 30.0}, "--rate 30: is over --most-rate 25"),
        ({"requests": ["a"], "runtimes": ["b"]}, "--runtime: a request names its runtime"),
    ],
)
def test_options_fit_together(options: dict[str, Any], words: str) -> None:
    with pytest.raises(WrongUsageError, match=words):
        LoadOptions(**options)


class _NoTasks:
    def pages(self, parameters: dict[str, str], limit: int) -> list[Any]:
        assert parameters == {"status": "completed"}
        assert limit
        return []


def test_money_is_spent_only_after_a_yes(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    told = io.StringIO()
    progress = Progress(Console(file=told))
    api: Any = _NoTasks()
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert not may_go_on(LoadOptions(shape=Shape.RAMP, rate=2.0), target, api, progress)
    assert "about 60 tasks" in told.getvalue()
    assert "--yes" in told.getvalue()
    assert may_go_on(LoadOptions(yes=True), target, api, progress)
    local = target.model_copy(update={"aws_endpoint_url": "http://127.0.0.1:1"})
    assert may_go_on(LoadOptions(), local, api, progress)


@pytest.fixture
def made() -> Callable[[float], Run]:
    def run(rate: float) -> Run:
        sent, ends = load_of_line(rate, 60, 1, 1.0)
        figures = figures_of(sent, ends, rate)
        return Run("constant", rate, [rate] * 60, sent, ends, figures)

    return run


def test_a_report_says_where_the_knee_is(made: Callable[[float], Run], tmp_path: Path) -> None:
    runs = [made(rate) for rate in (0.5, 0.9, 2.0)]
    steps = [Step(run.rate, run.figures, run.rate < 1) for run in runs]
    report = Report(
        datetime(2026, 11, 28, tzinfo=UTC),
        "<script>alert(1)</script>",
        Shape.KNEE,
        runs,
        Search(tuple(steps)),
    )
    assert report.is_whole
    assert report.verdict[0].startswith("The knee is at 0.9 tasks per second: 2 were too many")
    html, data = write_report(report, tmp_path)
    page = html.read_text()
    assert "<script>" not in page
    assert page.count("<svg") == 4
    assert "knee, 0.9/s" in page
    figures = json.loads(data.read_text())
    assert figures["knee"] == 0.9
    assert [run["rate"] for run in figures["runs"]] == [0.5, 0.9, 2.0]


def test_a_lost_task_is_said_first_of_all(made: Callable[[float], Run]) -> None:
    run = made(0.5)
    lost = {uid: one for uid, one in run.ends.items() if uid != "uid-3"}
    figures = figures_of(run.sent, lost, 0.5)
    report = Report(
        datetime(2026, 11, 28, tzinfo=UTC),
        "local",
        Shape.CONSTANT,
        [Run("constant", 0.5, run.arrivals, run.sent, lost, figures)],
    )
    assert not report.is_whole
    assert any("1 were lost" in line for line in report.verdict)


def test_tenants_are_told_apart(made: Callable[[float], Run]) -> None:
    run = made(0.5)
    assert run.of_tenants() == {}
    sent = [one.model_copy(update={"tenant": "small"}) for one in run.sent[:3]]
    both = Run("constant", 0.5, run.arrivals, [*sent, *run.sent[3:]], run.ends, run.figures)
    parts = both.of_tenants()
    assert {name: part.sent for name, part in parts.items()} == {"default": 27, "small": 3}
