"""The ComfyUI adapter on a simulated ComfyUI."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from easel_agent.runtimes.comfyui.adapter import ComfyUi
from easel_contract.task import TaskType
from easel_simulators.comfyui import SimulatedComfyUi
from easel_simulators.faults import Fault
from tests.collected import Made, generate

from .simulated_comfyui import Api, Workflow

TASK_TIMEOUT_SECONDS = 30.0


class Stage:
    """A simulated ComfyUI, the adapter, and a thread for a task that is to be watched."""

    def __init__(self, server: SimulatedComfyUi, pool: ThreadPoolExecutor) -> None:
        self.server = server
        self.api = Api(server.url)
        self.runtime = ComfyUi(
            server.url, task_timeout_seconds=TASK_TIMEOUT_SECONDS, wait_seconds=60
        )
        self._pool = pool

    def generate(self, workflow: Workflow) -> Made:
        return generate(self.runtime, TaskType.PIPELINE, workflow)

    def later(self, workflow: Workflow) -> "Future[Made]":
        return self._pool.submit(self.generate, workflow)

    def fault(self, kind: str, seconds: float | None = None) -> None:
        self.server.faults.add(Fault(kind, seconds=seconds))

    def busy(self) -> bool:
        return bool(self.api.running())


@contextmanager
def staged() -> Iterator[Stage]:
    with ThreadPoolExecutor(2) as pool, SimulatedComfyUi() as server:
        yield Stage(server, pool)
