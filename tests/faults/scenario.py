"""One queue, its agents and runtimes, and the tasks that go through them."""

import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from easel_local.emulator import Emulator
from easel_local.ports import LOOPBACK, free_port
from tests.aws_proxy import AwsProxy, Fault, FaultKind
from tests.faults.aws_resources import (
    MAX_ATTEMPTS,
    VISIBILITY_TIMEOUT_SECONDS,
    AwsClients,
    AwsResources,
)
from tests.faults.callbacks import CallbackCollector
from tests.faults.child_process import ChildProcess
from tests.faults.deadline import holds_within, until
from tests.faults.invariants import Evidence, violations
from tests.faults.pod import Pod, RuntimeProcess
from tests.faults.tasks import RUNTIME, SentTask, TaskMaker

MakeAgent = Callable[[str, dict[str, str], Path], ChildProcess]
"""Makes an agent out of its name, its whole environment and the file of its log."""

_SETTLE_SECONDS = 1.5
"""How long after the last callback and an empty queue an unwanted one may still come."""

_DEADLINE_SECONDS = 60.0


@dataclass(frozen=True)
class Setup:
    """How a scenario's pods are made.

    Attributes:
        agents: how many pods.
        service_seconds: how long the runtime takes for one task.
        settings: environment variables of the agents over the usual ones.
        agent_module: what `python -m` runs as the agent.
        make_agent: makes the agent instead, such as a container.
        runtime_options: more options of the simulated runtime.
    """

    agents: int = 2
    service_seconds: float = 0.2
    settings: Mapping[str, str] = field(default_factory=dict)
    agent_module: str = "easel_agent"
    make_agent: MakeAgent | None = None
    runtime_options: Sequence[str] = ()


@dataclass
class Cloud:
    """The emulator and the faulty way to it; serves many scenarios."""

    emulator: Emulator
    proxy: AwsProxy
    aws: AwsClients

    def environment(self) -> dict[str, str]:
        """The environment of a process that reaches AWS through the proxy."""
        return self.emulator.environment() | {"AWS_ENDPOINT_URL": self.proxy.endpoint_url}


class Scenario:
    """A context manager: its pods run inside the block."""

    def __init__(self, cloud: Cloud, name: str, folder: Path, setup: Setup) -> None:
        self.cloud = cloud
        self.proxy = cloud.proxy
        self.folder = folder
        self.tasks = TaskMaker(name)
        self.resources = AwsResources.create(cloud.aws, name)
        self.callbacks = CallbackCollector(self.resources)
        self.pods = [self._make_pod(number, setup) for number in range(1, setup.agents + 1)]
        self.accepted: set[str] = set()
        self.buried: list[str] = []
        """Bodies that belong into the dead-letter queue."""

    def __enter__(self) -> Self:
        self.callbacks.start()
        try:
            for pod in self.pods:
                pod.start()
            for pod in self.pods:
                pod.await_runtime()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def submit(self, tasks: Sequence[SentTask]) -> None:
        """Sends tasks, and expects a final callback for each."""
        self.accepted |= {task.key for task in tasks}
        self.callbacks.expect(task.key for task in tasks if task.record)
        self.resources.accept([task.record for task in tasks if task.record])
        self.resources.send([task.body for task in tasks])

    def submit_many(self, count: int, **content: Any) -> list[SentTask]:
        """Makes tasks and sends them; `content` is as `TaskMaker.make` takes it."""
        tasks = self.tasks.make(count, **content)
        self.submit(tasks)
        return tasks

    def fault(self, kind: FaultKind, service: str, operation: str = "*", **more: Any) -> None:
        """Has calls to AWS fail from now on; see `tests.aws_proxy.Fault`."""
        self.proxy.add_fault(Fault(kind=kind, service=service, operation=operation, **more))

    def await_work(self, pods: Sequence[Pod] | None = None) -> None:
        """Waits until the runtimes of some pods, or of all, work on tasks."""
        for pod in pods or self.pods:
            until(pod.runtime.is_working, f"{pod.runtime.name} works on a task")

    def await_work_anywhere(self) -> None:
        """Waits until one of the runtimes works on a task."""
        until(lambda: any(pod.runtime.is_working() for pod in self.pods), "a runtime works")

    def await_callbacks(self, count: int, seconds: float = _DEADLINE_SECONDS) -> None:
        """Waits until so many tasks have a final callback."""
        until(lambda: len(self.callbacks.finals()) >= count, f"{count} tasks are done", seconds)

    def finish(self, seconds: float = _DEADLINE_SECONDS) -> Evidence:
        """Waits for the end of all tasks, and a little for what ought not to come.

        Returns:
            What is there to see; `check` judges it.
        """
        holds_within(self._is_answered, seconds)
        holds_within(lambda: self.resources.messages_left() == 0, seconds)
        threading.Event().wait(_SETTLE_SECONDS)
        return Evidence(
            accepted=frozenset(self.accepted),
            buried=tuple(self.buried),
            callbacks=self.callbacks.finals(),
            unreadable_callbacks=tuple(self.callbacks.unreadable()),
            objects=list(self.resources.objects()),
            dead_letters=tuple(self.resources.dead_letters()),
            messages_left=self.resources.messages_left(),
            records=tuple(self.resources.records()),
            dead_agents=tuple(
                pod.agent.name
                for pod in self.pods
                if pod.agent.wanted and not pod.agent.is_running()
            ),
            bucket=self.resources.bucket,
        )

    def check(self, seconds: float = _DEADLINE_SECONDS) -> Evidence:
        """Waits for the end and asserts what must hold whatever happened."""
        evidence = self.finish(seconds)
        found = violations(evidence)
        if found:
            tails = "\n\n".join(f"{pod.agent.log}\n{pod.agent.log_tail()}" for pod in self.pods)
            raise AssertionError("\n".join(found) + f"\n\n{tails}")
        return evidence

    def jobs(self) -> Counter[int]:
        """How often a runtime completed each task, by its seed."""
        return Counter(
            record["seed"]
            for pod in self.pods
            for record in pod.runtime.records()
            if record["outcome"] == "completed"
        )

    def _is_answered(self) -> bool:
        return self.callbacks.finals().keys() >= self.accepted

    def _make_pod(self, number: int, setup: Setup) -> Pod:
        environment = self.cloud.environment()
        runtime = RuntimeProcess(
            f"runtime {number}",
            environment,
            self.folder / f"runtime-{number}.log",
            setup.service_seconds,
            setup.runtime_options,
        )
        resources = self.resources
        health_port = free_port()
        settings = {
            "EASEL_RUNTIME_NAME": RUNTIME,
            "EASEL_RUNTIME_TYPE": "sdwebui",
            "EASEL_RUNTIME_URL": runtime.url,
            "EASEL_QUEUE_URL": resources.queue_url,
            "EASEL_DEAD_LETTER_QUEUE_URL": resources.dead_letter_queue_url,
            "EASEL_NOTIFICATIONS_TOPIC_ARN": resources.topic_arn,
            "EASEL_OUTPUT_BUCKET": resources.bucket,
            "EASEL_VISIBILITY_TIMEOUT_SECONDS": str(VISIBILITY_TIMEOUT_SECONDS),
            "EASEL_RECORDS_TABLE": resources.table.name,
            "EASEL_MAX_ATTEMPTS": str(MAX_ATTEMPTS),
            "EASEL_RECEIVE_WAIT_SECONDS": "2",
            "EASEL_TASK_TIMEOUT_SECONDS": "30",
            "EASEL_BACK_OFF_SECONDS": "1",
            # A warm-up would take the fault that a test has put before the first task.
            "EASEL_WARM_UP": "false",
            "EASEL_SHUTDOWN_GRACE_SECONDS": "20",
            "EASEL_HEALTH_PORT": str(health_port),
        }
        name, log = f"agent {number}", self.folder / f"agent-{number}.log"
        environment = {**environment, **settings, **setup.settings}
        if setup.make_agent is not None:
            agent = setup.make_agent(name, environment, log)
        else:
            command = [sys.executable, "-m", setup.agent_module]
            agent = ChildProcess(name, command, environment, log)
        return Pod(runtime, agent, f"http://{LOOPBACK}:{health_port}")

    def _end(self) -> None:
        for pod in self.pods:
            pod.end()
        self.callbacks.stop()
        self.proxy.clear_faults()


def new_folder(name: str) -> Path:
    """A folder for the logs of a run outside pytest."""
    return Path(tempfile.mkdtemp(prefix=f"easel-{name}-"))
