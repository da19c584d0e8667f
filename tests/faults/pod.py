"""A pod as two processes: the queue agent and the simulated runtime beside it."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from easel_local.ports import LOOPBACK, free_port
from tests.faults.child_process import ChildProcess
from tests.faults.deadline import until

_CONTROL_SECONDS = 10.0
_WARM_UP_SEED = -1


class RuntimeProcess(ChildProcess):
    """A simulated SD WebUI on a port that it keeps over restarts."""

    def __init__(
        self,
        name: str,
        environment: Mapping[str, str],
        log: Path,
        service_seconds: float,
        options: Sequence[str] = (),
    ) -> None:
        port = free_port()
        command = [
            *(sys.executable, "-m", "easel_simulators.sdwebui"),
            *("--host", LOOPBACK, "--port", str(port), "--service-time", str(service_seconds)),
            *options,
        ]
        super().__init__(name, command, environment, log)
        self.url = f"http://{LOOPBACK}:{port}"
        self._former_records: list[dict[str, Any]] = []
        self._http = requests.Session()
        self._http.trust_env = False

    def kill(self) -> None:
        """SIGKILL; what it did so far stays known."""
        if self.is_up():
            self._former_records = self.records()
        super().kill()

    def add_fault(self, kind: str, count: int = 1, seconds: float | None = None) -> None:
        """Has it fail; the kinds are in `easel_simulators.faults`."""
        body = {"kind": kind, "count": count} | ({} if seconds is None else {"seconds": seconds})
        answer = self._http.post(f"{self.url}/_sim/faults", json=body, timeout=_CONTROL_SECONDS)
        answer.raise_for_status()

    def records(self) -> list[dict[str, Any]]:
        """The jobs that it ran or runs, oldest first, the warm-up's left out."""
        jobs = [job for job in self._all_records() if job["seed"] != _WARM_UP_SEED]
        return [*self._former_records, *jobs]

    def is_warming_up(self) -> bool:
        """Whether a warm-up is under way."""
        jobs = self._all_records()
        return bool(jobs) and jobs[-1]["seed"] == _WARM_UP_SEED and jobs[-1]["ended_at"] is None

    def _all_records(self) -> list[dict[str, Any]]:
        answer = self._http.get(f"{self.url}/_sim/stats", timeout=_CONTROL_SECONDS)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["records"]
        return found

    def is_up(self) -> bool:
        try:
            return self._http.get(f"{self.url}/_sim/faults", timeout=_CONTROL_SECONDS).ok
        except requests.RequestException:
            return False

    def is_working(self) -> bool:
        """Whether a task's job is under way."""
        records = self.records()
        return bool(records) and records[-1]["ended_at"] is None


class Pod:
    """One runtime and its agent.

    Attributes:
        health_url: of the agent's probes.
    """

    def __init__(self, runtime: RuntimeProcess, agent: ChildProcess, health_url: str) -> None:
        self.runtime = runtime
        self.agent = agent
        self.health_url = health_url

    def start(self) -> None:
        """Starts both; waits for the runtime."""
        self.runtime.start()
        self.agent.start()

    def await_runtime(self) -> None:
        until(self.runtime.is_up, f"{self.runtime.name} is up; log: {self.runtime.log}")

    def end(self) -> None:
        self.agent.end()
        self.runtime.end()
