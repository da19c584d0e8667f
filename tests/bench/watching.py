"""CPU that a task's metrics, log and trace cost the agent: `python -m tests.bench.watching`.

Each of a number of tasks that have ended is counted, logged and traced as the agent does; its spans
go to a collector in another process. User and system time of this process, by task.
"""

import argparse
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from unittest.mock import create_autospec

import requests

from easel_agent.delivery import _log_result
from easel_agent.lease import Lease, LeaseHolder
from easel_agent.logs import log_as_json
from easel_agent.metric_lines import MetricLines
from easel_agent.metrics import Metrics
from easel_agent.otlp_traces import OtlpTraces
from easel_agent.queue import QueueMessage
from easel_agent.traces import NoTraces, Traces, make_traces
from easel_contract.record import TaskRecord
from easel_contract.result import ResultStatus, TaskResult, Timings
from easel_contract.task import TaskMessage
from easel_contract.uid import new_uid
from easel_contract.usage import Usage
from easel_local.ports import LOOPBACK, free_port

_FLUSHED_TASKS = 50
"""Whose spans go in one request at most: what does not fit into the queue would cost nothing."""
_METADATA = {"id": "a", "runtime": "sdxl", "tasktype": "text-to-image", "prefix": "p"}


def main() -> int:
    """Prints milliseconds by task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=5000)
    tasks: int = parser.parse_args().tasks
    url = f"http://{LOOPBACK}:{free_port()}"
    program = [sys.executable, "-m", "easel_local.collector", "--port", url.rpartition(":")[2]]
    collector = subprocess.Popen(program)
    try:
        os.environ |= {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "NO_PROXY": LOOPBACK}
        _await(url)
        traces = make_traces(os.environ, "easel", "sdxl")
        for name, milliseconds in _measured(tasks, traces).items():
            sys.stdout.write(f"{name:<8} {milliseconds:.3f} ms\n")
    finally:
        collector.kill()
        collector.wait()
    return 0


def _measured(tasks: int, traces: Traces) -> dict[str, float]:
    result = TaskResult(
        id="a",
        uid=new_uid(),
        result=True,
        status=ResultStatus.COMPLETED,
        timings=Timings(queued_seconds=1, inputs_seconds=1, generation_seconds=1, upload_seconds=1),
        usage=Usage(gpu_seconds=1, pictures=4, cost=0.001, currency="USD"),
    )
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device
        lines = MetricLines("easel", "sdxl", lambda line: print(line, file=nowhere, flush=True))
        counting, tracing = Metrics("sdxl", lines), Metrics("sdxl")
        log_as_json("INFO")
        logging.getLogger().handlers[0].setStream(nowhere)  # type: ignore[attr-defined]
        return {
            "metrics": _of_each(
                _leases(tasks, counting, NoTraces()), lambda lease: lease.report(result)
            ),
            "log": _of_each(
                _leases(tasks, tracing, NoTraces()), lambda lease: _log_result(lease, result)
            ),
            "trace": _of_each(
                _leases(tasks, tracing, traces),
                lambda lease: lease.report(result),
                lambda: _flush(traces),
            ),
        }


def _of_each(
    leases: list[Lease], act: Callable[[Lease], None], flush: Callable[[], None] = lambda: None
) -> float:
    begun = time.process_time()
    for number, lease in enumerate(leases, start=1):
        act(lease)
        if number % _FLUSHED_TASKS == 0:
            flush()
    flush()
    return (time.process_time() - begun) / len(leases) * 1000


def _flush(traces: Traces) -> None:
    assert isinstance(traces, OtlpTraces)
    traces._spans._processor.force_flush()


def _leases(count: int, metrics: Metrics, traces: Traces) -> list[Lease]:
    holder = create_autospec(LeaseHolder, instance=True)
    holder.metrics, holder.traces = metrics, traces
    found = []
    for _ in range(count):
        uid = new_uid()
        task = TaskMessage.model_validate(
            {"uid": uid, "metadata": _METADATA, "content": {}, "created_at": datetime.now(UTC)}
        )
        lease = Lease(QueueMessage("m", "", "h", 1, datetime.now(UTC)), holder, 60)
        lease.read(
            task,
            TaskRecord.accepted(task, uid=uid, tenant="t", scope="t", expires_at=datetime.now(UTC)),
        )
        line = lease.timeline
        line.ready = line.begun = line.generated = line.stored = line.announced = time.monotonic()
        found.append(lease)
    return found


def _await(url: str) -> None:
    with requests.Session() as http:
        http.trust_env = False
        for _ in range(100):
            try:
                http.get(f"{url}/traces/0", timeout=1)
            except requests.ConnectionError:
                time.sleep(0.1)
            else:
                return
    raise TimeoutError(f"{url} does not answer")


if __name__ == "__main__":
    sys.exit(main())
