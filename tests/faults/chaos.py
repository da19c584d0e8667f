"""Random faults, one after the other, from a seed."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from easel_http.events import RefusedRequestError
from easel_reader.cancellation import Cancellation
from tests.aws_proxy import FaultKind
from tests.faults.child_process import ChildProcess
from tests.faults.poison import poison_messages
from tests.faults.scenario import Scenario
from tests.faults.tasks import SentTask

_SERVICES = ("dynamodb", "s3", "sns", "sqs")
_OUTAGE_SECONDS = (1.0, 15.0)
_MAX_CALLS = 12
_RUNTIME_FAULTS = (
    "server_error",
    "out_of_memory",
    "drop_answer",
    "bad_gateway",
    "truncate",
    "drop",
)
_HANG_SECONDS = 15.0
_PATIENCE_STEPS = 12
"""How long a terminated agent may take to end."""
_END_PAUSE_SECONDS = 1.0
_MAX_DOWN_STEPS = 3
_NEWEST = 8
_FROZEN_STEPS = 3
"""Beyond the agents' leases."""


class Chaos:
    """Does something bad at each `step`.

    What it does, in which order and with which parameters, is decided by the seed alone; when the
    processes get there is not.
    """

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario = scenario
        self._random = random.Random(seed)
        self._sent: list[SentTask] = []
        resources = scenario.resources
        self._cancellation = Cancellation(resources.table, resources.aws.sns, resources.topic_arn)
        self._poisoned = 0
        self._down: list[tuple[int, Callable[[], None]]] = []
        self.done: Counter[str] = Counter()
        """How often each kind of fault was injected."""
        self._faults: dict[str, Callable[[], None]] = {
            "agent killed": self._kill_agent,
            "agent terminated": self._terminate_agent,
            "runtime killed": self._kill_runtime,
            "runtime's job fails": self._fail_job,
            "runtime hangs": self._hang,
            "AWS unavailable": self._make_unavailable,
            "AWS connections cut": lambda: self._strike(FaultKind.CUT),
            "AWS answers lost": lambda: self._strike(FaultKind.LOSE_ANSWER),
            "AWS slow": self._slow_down,
            "deliveries repeated": self._repeat,
            "id used again": self._reuse_id,
            "published by hand, one of them twice": self._publish_by_hand,
            "agent frozen": self._freeze_agent,
            "DynamoDB throttles": self._throttle,
            "tasks cancelled": self._cancel,
            "poison": self._poison,
        }

    def sent(self, tasks: list[SentTask]) -> None:
        """Tells it of tasks that it may send again."""
        self._sent += tasks

    def step(self) -> None:
        """Brings back what is down long enough, then injects one fault."""
        self._bring_back()
        name = self._random.choice(sorted(self._faults))
        self._faults[name]()
        self.done[name] += 1

    def end(self) -> None:
        """Ends all faults and brings everything back."""
        self._scenario.proxy.clear_faults()
        pause = threading.Event()
        while self._down:
            self._bring_back()
            pause.wait(_END_PAUSE_SECONDS)

    def _bring_back(self) -> None:
        due = [bring_back for steps, bring_back in self._down if not steps]
        self._down = [(steps - 1, bring_back) for steps, bring_back in self._down if steps]
        for bring_back in due:
            bring_back()

    def _kill_agent(self) -> None:
        agent = self._random.choice(self._scenario.pods).agent
        steps = self._random.randrange(_MAX_DOWN_STEPS)
        if agent.is_running():
            agent.kill()
            self._down.append((steps, agent.start))

    def _terminate_agent(self) -> None:
        agent = self._random.choice(self._scenario.pods).agent
        if agent.is_running():
            agent.terminate()
            self._down.append((0, partial(self._replace, agent, _PATIENCE_STEPS)))

    def _replace(self, agent: ChildProcess, patience: int) -> None:
        # As the kubelet does: another one when it has ended, SIGKILL when it does not.
        if agent.is_running() and patience:
            self._down.append((0, partial(self._replace, agent, patience - 1)))
            return
        agent.kill()
        agent.start()

    def _kill_runtime(self) -> None:
        runtime = self._random.choice(self._scenario.pods).runtime
        steps = self._random.randrange(_MAX_DOWN_STEPS)
        if runtime.is_running():
            runtime.kill()
            self._down.append((steps, runtime.start))

    def _fail_job(self) -> None:
        self._fault_of_runtime(self._random.choice(_RUNTIME_FAULTS), self._random.randint(1, 3))

    def _hang(self) -> None:
        self._fault_of_runtime("hang", 1, _HANG_SECONDS)

    def _fault_of_runtime(self, kind: str, count: int, seconds: float | None = None) -> None:
        runtime = self._random.choice(self._scenario.pods).runtime
        if runtime.is_up():
            runtime.add_fault(kind, count, seconds)

    def _make_unavailable(self) -> None:
        self._scenario.fault(
            FaultKind.UNAVAILABLE,
            self._random.choice(_SERVICES),
            seconds=self._random.uniform(*_OUTAGE_SECONDS),
        )

    def _strike(self, kind: FaultKind) -> None:
        self._scenario.fault(
            kind, self._random.choice(_SERVICES), count=self._random.randint(1, _MAX_CALLS)
        )

    def _slow_down(self) -> None:
        self._scenario.fault(
            FaultKind.DELAY,
            self._random.choice(_SERVICES),
            count=_MAX_CALLS,
            delay_seconds=self._random.uniform(0.5, 3.0),
        )

    def _repeat(self) -> None:
        if self._sent:
            again = self._random.choices(self._sent, k=5)
            self._scenario.resources.send([task.body for task in again])

    def _reuse_id(self) -> None:
        if self._sent:
            task = self._random.choice(self._sent)
            self._scenario.submit([self._scenario.tasks.again_with_other_content(task)])

    def _publish_by_hand(self) -> None:
        self._scenario.submit_many(1, by_hand=True)
        [task] = self._scenario.tasks.make(1, by_hand=True, keyed=True)
        self._scenario.submit([task, task])
        self._sent.append(task)

    def _freeze_agent(self) -> None:
        agent = self._random.choice(self._scenario.pods).agent
        if agent.is_running():
            agent.freeze()
            self._down.append((_FROZEN_STEPS, agent.thaw))

    def _throttle(self) -> None:
        self._scenario.fault(
            FaultKind.THROTTLE, "dynamodb", seconds=self._random.uniform(*_OUTAGE_SECONDS)
        )

    def _cancel(self) -> None:
        if not self._sent:
            return
        # The newest wait or run; older ones have ended and must stay as they are.
        newest = self._sent[-_NEWEST:]
        for task in [*self._random.choices(newest, k=3), *self._random.choices(self._sent, k=1)]:
            record = self._scenario.resources.table.get(task.key) if task.record else None
            if record is not None:
                with suppress(RefusedRequestError):
                    self._cancellation.cancel(record)

    def _poison(self) -> None:
        self._poisoned += 1
        messages = poison_messages(f"poison-{self._poisoned}")
        message = self._random.choice(messages)
        if message.task_id is not None:
            self._scenario.accepted.add(message.task_id)
        if message.is_buried:
            self._scenario.buried.append(message.body)
        self._scenario.resources.send([message.body])
