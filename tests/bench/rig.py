"""What every measurement stands on: one agent, one simulated runtime, a slow way to AWS."""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from easel_local.emulator import Emulator
from easel_local.services import IMAGE_ENVIRONMENT
from tests.aws_proxy import AwsProxy
from tests.faults.aws_resources import AwsClients
from tests.faults.child_process import ChildProcess
from tests.faults.deadline import until
from tests.faults.scenario import Cloud, Scenario, Setup

_SAMPLE_SECONDS = 0.25
_BYTES_PER_MB = 1_000_000


@dataclass(frozen=True)
class Usage:
    """What a process used while it was watched.

    Attributes:
        cpu_seconds: user and system.
        rss_bytes: resident memory at each sample, in order.
    """

    cpu_seconds: float
    rss_bytes: Sequence[int]


class UsageSampler:
    """Watches one process while its block runs."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._samples: list[int] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="usage", daemon=True)
        self._cpu_seconds = 0.0

    def __enter__(self) -> Self:
        self._cpu_seconds = -self._cpu_time()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._thread.join()
        self._cpu_seconds += self._cpu_time()

    def usage(self) -> Usage:
        """After the block."""
        return Usage(self._cpu_seconds, tuple(self._samples))

    def _cpu_time(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    def _sample(self) -> None:
        while True:
            self._samples.append(self._process.memory_info().rss)
            if self._stopped.wait(_SAMPLE_SECONDS):
                return


class Rig:
    """Makes the one-agent scenarios of a benchmark, all on one emulator."""

    def __init__(self, cloud: Cloud, folder: Path, *, overlap: bool) -> None:
        self.cloud = cloud
        self._folder = folder
        self.overlap = overlap
        self._mode = "overlap" if overlap else "serial"

    @contextmanager
    def scenario(self, name: str, service_seconds: float, picture_bytes: int) -> Iterator[Scenario]:
        """One agent with the settings of production, idle and connected.

        Args:
            name: unique in this rig.
            service_seconds: how long the runtime takes for one task.
            picture_bytes: size of a picture.
        """
        name = f"bench-{name}-{self._mode}"
        folder = self._folder / name
        folder.mkdir()
        settings = IMAGE_ENVIRONMENT | {
            "EASEL_OVERLAP": str(self.overlap).lower(),
            "EASEL_VISIBILITY_TIMEOUT_SECONDS": "120",
            "EASEL_TASK_TIMEOUT_SECONDS": "600",
        }
        setup = Setup(1, service_seconds, settings, runtime_options=_pictures_of(picture_bytes))
        with Scenario(self.cloud, name, folder, setup) as scenario:
            until(
                lambda: self.cloud.proxy.calls()["sqs.ReceiveMessage"] > 0,
                f"the agent asks for a task; log: {agent_of(scenario).log}",
            )
            yield scenario
        self.cloud.proxy.forget_calls()


@contextmanager
def running_cloud(folder: Path, delay_seconds: float) -> Iterator[Cloud]:
    """An emulator behind a proxy that adds a delay to every call."""
    with Emulator(log_path=folder / "emulator.log") as emulator:
        proxy = AwsProxy(
            emulator.endpoint_url,
            log_path=folder / "proxy.log",
            environment=emulator.environment(),
        )
        with proxy:
            proxy.set_delay(delay_seconds)
            yield Cloud(emulator, proxy, AwsClients(emulator))


def agent_of(scenario: Scenario) -> ChildProcess:
    """The one agent."""
    return scenario.pods[0].agent


def jobs_of(scenario: Scenario) -> list[dict[str, Any]]:
    """The runtime's completed jobs, in order."""
    return [job for job in scenario.pods[0].runtime.records() if job["outcome"] == "completed"]


def calls_since(scenario: Scenario, before: Counter[str]) -> Counter[str]:
    """AWS calls by operation since an earlier count."""
    return scenario.proxy.calls() - before


def megabytes(count: float) -> float:
    """Bytes as MB (10^6)."""
    return count / _BYTES_PER_MB


def machine() -> dict[str, object]:
    """Where it was measured."""
    uname = os.uname()
    return {
        "cores": psutil.cpu_count(),
        "memory_mb": round(megabytes(psutil.virtual_memory().total)),
        "system": f"{uname.sysname} {uname.machine}",
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _pictures_of(size: int) -> tuple[str, ...]:
    return ("--picture-bytes", str(size))
