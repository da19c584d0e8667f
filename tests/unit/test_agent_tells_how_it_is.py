"""/healthz, /readyz, /metrics, and the Spot watch."""

import time
from collections.abc import Iterator

import pytest
import requests

from easel_agent import runtime_monitor
from easel_agent.errors import RuntimeDeadError
from easel_agent.health import HealthServer
from easel_agent.metrics import Metrics
from easel_agent.runtime_monitor import RuntimeMonitor
from easel_agent.runtimes.job import Job
from easel_agent.spot import SpotWatch
from easel_contract.result import ResultStatus, TaskResult
from tests.rigs.instance_metadata import InstanceMetadata

from .agent_world import FakeRuntime, eventually

pytestmark = pytest.mark.unit


class Server:
    """A health server over a runtime that a test makes ready or not."""

    def __init__(self) -> None:
        self.runtime = FakeRuntime()
        self.runtime.ready = False
        self.monitor = RuntimeMonitor(self.runtime)
        self.metrics = Metrics("sdruntime")
        self._health = HealthServer(
            "127.0.0.1", 0, monitor=self.monitor, metrics=self.metrics, dead_seconds=0.3
        )
        self._health.start()
        self.monitor.start()

    def get(self, path: str) -> requests.Response:
        return requests.get(f"http://127.0.0.1:{self._health.port}{path}", timeout=5)

    def stop(self) -> None:
        self.monitor.stop()
        self._health.stop()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(runtime_monitor, "_POLL_SECONDS", 0.02)
    monkeypatch.setattr(runtime_monitor, "_JOB_POLL_SECONDS", 0.02)
    server = Server()
    yield server
    server.stop()


def test_a_runtime_that_stays_dead_makes_the_pod_unhealthy(server: Server) -> None:
    assert server.get("/readyz").status_code == 503
    assert server.get("/healthz").status_code == 200
    eventually(lambda: server.get("/healthz").status_code == 503)
    server.runtime.ready = True
    eventually(lambda: server.get("/readyz").status_code == 200)
    assert server.get("/healthz").status_code == 200
    assert server.get("/nothing").status_code == 404


def test_a_runtime_with_a_job_of_ours_is_ready(server: Server) -> None:
    server.runtime.ready = True
    eventually(lambda: server.monitor.is_ready)
    server.monitor.begin_job(Job())
    time.sleep(0.1)
    assert server.monitor.is_ready
    server.monitor.end_job()


def test_a_runtime_that_stops_answering_during_a_job_is_given_up(server: Server) -> None:
    job = Job()
    server.runtime.ready = True
    eventually(lambda: server.monitor.is_ready)
    server.monitor.begin_job(job)
    server.runtime.ready = False
    eventually(lambda: isinstance(job.error, RuntimeDeadError))
    server.monitor.end_job()


def test_metrics_are_prometheus_text(server: Server) -> None:
    server.metrics.began(0)
    server.metrics.ended(1.5)
    server.metrics.finished(TaskResult(id="a", result=True, status=ResultStatus.COMPLETED), None)
    server.metrics.returned("runtime dead")
    text = server.get("/metrics").text
    for line in (
        'easel_tasks_finished_total{code="",runtime="sdruntime",status="completed"} 1.0',
        'easel_tasks_returned_total{reason="runtime dead",runtime="sdruntime"} 1.0',
        'easel_generation_seconds_sum{runtime="sdruntime"} 1.5',
        'easel_runtime_busy{runtime="sdruntime"} 0.0',
    ):
        assert line in text


def test_a_spot_interruption_is_noticed_once() -> None:
    calls: list[float] = []
    with InstanceMetadata() as metadata:
        watch = SpotWatch(calls.append, metadata.url, poll_seconds=0.02)
        watch.start()
        time.sleep(0.2)
        assert calls == []
        metadata.announce(100)
        eventually(lambda: len(calls) == 1)
        time.sleep(0.1)
        watch.stop()
    [seconds] = calls
    assert 98 <= seconds <= 100  # the notice tells whole seconds


@pytest.mark.parametrize(
    ("notice", "most"),
    [
        # A clock that is set back must not make the instance live longer.
        (b'{"action": "terminate", "time": "2999-01-01T00:00:00Z"}', 120),
        (b'{"action": "terminate"}', 115),
        (b'{"action": "terminate", "time": "2026-01-01T00:00:00"}', 115),
        (b"soon", 115),
    ],
)
def test_a_notice_is_never_taken_for_more_time_than_there_is(notice: bytes, most: float) -> None:
    calls: list[float] = []
    with InstanceMetadata() as metadata:
        metadata.notice = notice
        watch = SpotWatch(calls.append, metadata.url)
        watch.start()
        eventually(lambda: calls == [most])
        watch.stop()


def test_whoever_is_stopped_looks_at_once() -> None:
    calls: list[float] = []
    with InstanceMetadata() as metadata:
        watch = SpotWatch(calls.append, metadata.url, poll_seconds=60)
        watch.start()
        time.sleep(0.2)
        metadata.announce(60)
        watch.look_now()
        eventually(lambda: len(calls) == 1)
        watch.stop()
