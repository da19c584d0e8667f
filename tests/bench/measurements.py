"""The measurements, each a function of a rig that returns plain figures."""

import random
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

from tests.bench.rig import Rig, UsageSampler, agent_of, calls_since, jobs_of, megabytes
from tests.faults.callbacks import Callback
from tests.faults.scenario import Scenario

PICTURE_BYTES = 400_000
_LARGE_PICTURE_BYTES = 1_000_000
_LARGE_BATCH = 4
_ARRIVAL_SEED = 7
_LATENCY_SERVICE_SECONDS = 0.2
_CLEAN_SECONDS = 0.5
_SECONDS_PER_TASK_LIMIT = 5.0
AWS_CALLS_BOUND = 7
"""Of a task with one picture: receive, claim, two puts, finish, publish, delete. Renewals come on
top, one every 5 s that a task runs."""

Figures = dict[str, float]


def measure_load(rig: Rig, service_seconds: float, tasks: int) -> Figures:
    """A full queue: how busy the runtime is kept, and what that costs the agent.

    Args:
        rig: where.
        service_seconds: of the runtime.
        tasks: how many.

    Returns:
        `gpu_utilisation` (busy / wall from the first job's start to the last one's end),
        `idle_gap_median_ms` and `idle_gap_p95_ms` between jobs, `tasks_per_second` to the last
        callback, `cpu_ms_per_task`, `rss_max_mb`, `aws_calls_per_task` and its bound.
    """
    with rig.scenario(f"load-{service_seconds:g}s", service_seconds, PICTURE_BYTES) as scenario:
        before = scenario.proxy.calls()
        with UsageSampler(agent_of(scenario).usage()) as sampler:
            scenario.submit_many(tasks)
            _await_all(scenario, tasks, service_seconds)
        jobs = jobs_of(scenario)
        calls = calls_since(scenario, before)
        callbacks = _callbacks(scenario)
    wall = jobs[-1]["ended_at"] - jobs[0]["started_at"]
    busy = sum(job["ended_at"] - job["started_at"] for job in jobs)
    gaps = [after["started_at"] - job["ended_at"] for job, after in pairwise(jobs)]
    usage = sampler.usage()
    done_at = max(callback.published_at for callback in callbacks)
    return {
        "gpu_utilisation": busy / wall,
        "idle_gap_median_ms": statistics.median(gaps) * 1000,
        "idle_gap_p95_ms": _percentile(gaps, 95) * 1000,
        "tasks_per_second": tasks / (done_at - jobs[0]["started_at"]),
        "cpu_ms_per_task": usage.cpu_seconds / tasks * 1000,
        "rss_max_mb": megabytes(max(usage.rss_bytes)),
        "aws_calls_per_task": calls.total() / tasks,
        "aws_calls_bound": AWS_CALLS_BOUND,
    }


def measure_latency(rig: Rig, tasks: int) -> Figures:
    """Tasks that arrive at random (seeded), at half of what the runtime can do.

    Returns:
        `latency_median_ms` and `latency_p95_ms`, from sending to the callback, the runtime's own
        time of 200 ms and its queue included.
    """
    arrivals = random.Random(_ARRIVAL_SEED)
    sent_at = {}
    pause = threading.Event()
    with rig.scenario("latency", _LATENCY_SERVICE_SECONDS, PICTURE_BYTES) as scenario:
        next_at = time.monotonic()
        for task in scenario.tasks.make(tasks):
            pause.wait(max(0.0, next_at - time.monotonic()))
            sent_at[task.task_id] = time.time()
            scenario.submit([task])
            next_at += arrivals.expovariate(0.5 / _LATENCY_SERVICE_SECONDS)
        _await_all(scenario, tasks, _LATENCY_SERVICE_SECONDS)
        callbacks = _callbacks(scenario)
    latencies = [callback.published_at - sent_at[callback.result.id] for callback in callbacks]
    return {
        "latency_median_ms": statistics.median(latencies) * 1000,
        "latency_p95_ms": _percentile(latencies, 95) * 1000,
    }


def measure_memory(rig: Rig, tasks: int) -> Figures:
    """Many tasks of four 1 MB pictures: whether the agent's memory grows.

    Returns:
        `rss_early_mb` (median of the samples between 10 and 20 % of the run), `rss_late_mb` (of
        the last 10 %), `rss_growth_mb` between them, `rss_max_mb`.
    """
    with rig.scenario("memory", 0.0, _LARGE_PICTURE_BYTES) as scenario:
        sampler = UsageSampler(agent_of(scenario).usage())
        with _emptying_the_bucket(scenario), sampler:
            scenario.submit_many(tasks, batch_size=_LARGE_BATCH)
            _await_all(scenario, tasks, 0.0)
    samples = sampler.usage().rss_bytes
    tenth = max(1, len(samples) // 10)
    early = megabytes(statistics.median(samples[tenth : 2 * tenth + 1]))
    late = megabytes(statistics.median(samples[-tenth:]))
    return {
        "rss_early_mb": early,
        "rss_late_mb": late,
        "rss_growth_mb": late - early,
        "rss_max_mb": megabytes(max(samples)),
    }


def measure_idle(rig: Rig, seconds: float) -> Figures:
    """An empty queue.

    Returns:
        `receive_calls_per_minute`, `cpu_ms_per_minute`, `rss_max_mb`.
    """
    with rig.scenario("idle", 0.0, PICTURE_BYTES) as scenario:
        before = scenario.proxy.calls()
        with UsageSampler(agent_of(scenario).usage()) as sampler:
            threading.Event().wait(seconds)
        receives = calls_since(scenario, before)["sqs.ReceiveMessage"]
    minutes = seconds / 60
    usage = sampler.usage()
    return {
        "receive_calls_per_minute": receives / minutes,
        "cpu_ms_per_minute": usage.cpu_seconds / minutes * 1000,
        "rss_max_mb": megabytes(max(usage.rss_bytes)),
    }


def _await_all(scenario: Scenario, tasks: int, service_seconds: float) -> None:
    scenario.await_callbacks(tasks, 60 + tasks * (service_seconds + _SECONDS_PER_TASK_LIMIT))
    failed = [callback for callback in _callbacks(scenario) if not callback.result.result]
    if failed:
        raise RuntimeError(
            f"{len(failed)} of {tasks} tasks failed, so there is nothing to measure; the first: "
            f"{failed[0].result.error} (log: {agent_of(scenario).log})"
        )


def _callbacks(scenario: Scenario) -> list[Callback]:
    return [callbacks[0] for callbacks in scenario.callbacks.finals().values()]


@contextmanager
def _emptying_the_bucket(scenario: Scenario) -> Iterator[None]:
    # The emulator keeps objects in its memory: 1,000 tasks would be 9 GB.
    stopped = threading.Event()
    s3 = scenario.resources.aws.new("s3")
    bucket = scenario.resources.bucket

    def empty() -> None:
        gone: set[str] = set()
        while not stopped.wait(_CLEAN_SECONDS):
            for callback in _callbacks(scenario):
                result = callback.result
                if result.id in gone:
                    continue
                gone.add(result.id)
                for url in [*result.image_url, *filter(None, [result.output_url])]:
                    s3.delete_object(Bucket=bucket, Key=url.removeprefix(f"s3://{bucket}/"))

    thread = threading.Thread(target=empty, name="bucket", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
