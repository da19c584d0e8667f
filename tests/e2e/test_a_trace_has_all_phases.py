"""Where a task's time went is one trace, from its acceptance to its callback (issue 17)."""

import json
import time
from datetime import timedelta
from pathlib import Path

import pytest

from easel_cli.trace_sources import Span
from easel_contract.record import END_STATUSES, TaskStatus
from easel_local.collector import CollectorServer

from .conftest import SendingApi
from .stacks import Stack, written
from .test_a_picture_comes_back import seed_content, v1alpha2
from .test_tasks_are_asked_for_and_cancelled import await_status, send, view_of
from .test_the_command_line_works import easel

pytestmark = pytest.mark.e2e

PHASES = ["input fetch", "turn wait", "inference", "upload", "announce"]
MOST_DRIFT = 0.05
EXPORT_SECONDS = 10.0


@pytest.fixture
def collector(stack: Stack) -> CollectorServer:
    if stack.collector is None:
        pytest.skip("the stack's traces go to a collector of its own")
    return stack.collector


def spans_of(api: SendingApi, collector: CollectorServer, uid: str) -> list[Span]:
    """Waits until a task has ended and its trace is whole."""
    await_status(api, uid, *END_STATUSES)
    trace_id = view_of(api, uid).trace_id
    assert trace_id is not None
    deadline = time.monotonic() + EXPORT_SECONDS
    while True:
        spans = sorted(collector.collector.trace(trace_id), key=lambda span: span.start)
        # The announcement is the last span that a task's end makes.
        if any(span.name == "announce" for span in spans):
            return spans
        assert time.monotonic() < deadline, f"no trace of {uid}: {spans}"
        time.sleep(0.2)


def seconds(spans: list[Span]) -> float:
    return sum((span.end - span.start).total_seconds() for span in spans)


def test_the_phases_of_a_task_are_its_whole_time(
    api: SendingApi,
    stack: Stack,
    collector: CollectorServer,
    sdwebui: str,
    task_id: str,
    tmp_path: Path,
) -> None:
    uid = send(api, v1alpha2(task_id, sdwebui, seed_content()))
    spans = spans_of(api, collector, uid)
    [task] = [span for span in spans if span.name == "task"]
    phases = [span for span in spans if span.name not in {"task", "attempt"}]
    assert [span.name for span in phases] == ["accept", "queue wait", *PHASES]
    assert seconds(phases) == pytest.approx(seconds([task]), rel=MOST_DRIFT)
    view = view_of(api, uid)
    assert abs(task.start - view.created_at) < timedelta(milliseconds=2)
    assert view.timings is not None
    inference = seconds([span for span in phases if span.name == "inference"])
    assert inference == pytest.approx(view.timings.generation_seconds, rel=0.2, abs=0.05)

    outputs = written(stack.values(), tmp_path / "outputs.json")
    arguments = ("trace", task_id, "--collector", collector.url)
    done = easel(outputs, *arguments)
    assert done.returncode == 0, done.stderr
    drawn = done.stdout.splitlines()
    assert uid in drawn[0]
    assert [line[:20].strip(" └├│─") for line in drawn[1:]] == [
        "task",
        "accept",
        "queue wait",
        "attempt 1",
        *PHASES,
    ]
    told = json.loads(easel(outputs, *arguments, "--json").stdout)
    assert len(told["spans"]) == len(spans)


def test_a_retry_is_linked_to_the_try_before(
    api: SendingApi, stack: Stack, collector: CollectorServer, sdwebui: str, task_id: str
) -> None:
    stack.fail_once(sdwebui)
    uid = send(api, v1alpha2(task_id, sdwebui, seed_content()))
    spans = spans_of(api, collector, uid)
    first, second = (span for span in spans if span.name == "attempt")
    assert first.attributes["easel.returned"] == "transient"
    assert second.links == [first.span_id]
    assert second.attributes["easel.status"] == "completed"
    assert first.end <= second.start


def test_a_cancelled_task_shows_how_far_it_came(
    api: SendingApi, stack: Stack, collector: CollectorServer, sdwebui: str, task_id: str
) -> None:
    slow = stack.slow_down(sdwebui, 20)
    uid = send(api, v1alpha2(task_id, sdwebui, seed_content() | slow))
    await_status(api, uid, TaskStatus.RUNNING)
    assert api.post(f"v1alpha2/tasks/{uid}/cancel", {}).ok
    spans = spans_of(api, collector, uid)
    [task] = [span for span in spans if span.name == "task"]
    assert (task.attributes["easel.status"], task.has_failed) == ("cancelled", False)
    assert [span.name for span in spans if span.name in PHASES] == PHASES
