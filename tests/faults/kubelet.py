"""What the kubelet does with the chart's liveness probe of the runtime's container."""

import threading
from types import TracebackType
from typing import Self

import requests

from tests.faults.pod import Pod

_PERIOD_SECONDS = 0.5
_DOWN_SECONDS = 1.5
"""Between the end of a container and its next start; a real one is down for longer."""


class Kubelet:
    """A context manager: starts runtimes anew that their agents call broken."""

    def __init__(self, pods: list[Pod]) -> None:
        self.restarts = 0
        self._pods = pods
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="kubelet", daemon=True)

    def __enter__(self) -> Self:
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

    def _work(self) -> None:
        while not self._stopped.wait(_PERIOD_SECONDS):
            for pod in self._pods:
                if _fails(pod):
                    pod.runtime.kill()
                    self._stopped.wait(_DOWN_SECONDS)
                    pod.runtime.start()
                    self.restarts += 1


def _fails(pod: Pod) -> bool:
    try:
        answer = requests.get(f"{pod.health_url}/healthz", timeout=5)
    except requests.RequestException:
        return False  # the agent itself is down: another probe's business
    return answer.status_code == requests.codes.service_unavailable
