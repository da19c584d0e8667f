"""What one run shows: rates, waits, refusals, and what limits the stack."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from statistics import quantiles

from easel_contract.record import END_STATUSES, TaskStatus
from easel_contract.tasks_api import TaskView
from easel_load.plan import Sent

_BUSY = 0.9
"""Share of the time at work from which on a runtime is what limits."""
_REFUSED = 0.01
_SENT = 0.9
_THROTTLED = 429
_UNAVAILABLE = 503


@dataclass(frozen=True)
class Percentiles:
    """Of durations, in seconds; all None where there is none."""

    p50: float | None
    p95: float | None
    p99: float | None

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Percentiles":
        """Computes them, between the measured values (Hyndman and Fan's type 7)."""
        values = sorted(seconds)
        if not values:
            return cls(None, None, None)
        if len(values) == 1:
            return cls(*(round(values[0], 3),) * 3)
        cuts = quantiles(values, n=100, method="inclusive")
        return cls(round(cuts[49], 3), round(cuts[94], 3), round(cuts[98], 3))


@dataclass(frozen=True)
class Phases:
    """Mean seconds of a task's way, as its callback tells them."""

    queued: float
    inputs: float
    generation: float
    upload: float

    @property
    def own_seconds(self) -> float:
        """What a task takes once it does not wait any more."""
        return self.inputs + self.generation + self.upload

    @classmethod
    def of(cls, tasks: Sequence[TaskView]) -> "Phases":
        """Computes the means of completed tasks; zeros without any."""
        timings = [task.timings for task in tasks if task.timings]
        count = max(1, len(timings))
        return cls(
            round(sum(one.queued_seconds or 0.0 for one in timings) / count, 3),
            round(sum(one.inputs_seconds or 0.0 for one in timings) / count, 3),
            round(sum(one.generation_seconds or 0.0 for one in timings) / count, 3),
            round(sum(one.upload_seconds or 0.0 for one in timings) / count, 3),
        )


@dataclass(frozen=True)
class Figures:
    """One run, or the part of one that a tenant sent.

    Rates are in tasks per second, durations in seconds.

    Attributes:
        asked_rate: mean rate that was to be sent.
        sent: requests.
        accepted: of them, those that became tasks.
        completed: of these, those that ended well.
        failed: those that failed or were cancelled.
        not_ended: those that had not ended when the waiting was over.
        lost: those that the API does not know although it accepted them.
        begun_again: tasks that were begun more than once.
        refusals: number of the other answers, by status and code.
        bad_refusals: of them, those that are neither 429 nor 503, or lack Retry-After.
        send_seconds: from the first to the last request.
        total_seconds: from the first request to the last end.
        finished_rate: completed and failed tasks / `total_seconds`.
        answer: of the API.
        wait: from acceptance to the begin of the (last) try.
        end_to_end: from acceptance to the end.
        phases: means of the completed tasks.
        runtimes_at_work: most tasks that runtimes worked on at one time.
        busy_share: of the time of these runtimes, from the first begin to the last end.
    """

    asked_rate: float
    sent: int
    accepted: int
    completed: int
    failed: int
    not_ended: int
    lost: int
    begun_again: int
    refusals: dict[str, int]
    bad_refusals: int
    send_seconds: float
    total_seconds: float
    finished_rate: float
    answer: Percentiles
    wait: Percentiles
    end_to_end: Percentiles
    phases: Phases
    runtimes_at_work: int
    busy_share: float

    @property
    def refused_share(self) -> float:
        """Of all requests."""
        return 1 - self.accepted / self.sent if self.sent else 0.0

    @property
    def limit(self) -> str:
        """What kept the stack from more in this run, as far as these figures tell."""
        throttled = sum(n for what, n in self.refusals.items() if what.startswith(str(_THROTTLED)))
        if throttled > _REFUSED * self.sent:
            return "the API's rate limit: it answered 429 (throttle, api_keys in terraform.tfvars)"
        if self.refused_share > _REFUSED:
            most = max(self.refusals, key=self.refusals.__getitem__)
            return f"the intake: it refused {self.refused_share:.0%}, mostly with {most}"
        if self.busy_share >= _BUSY:
            return (
                f"the runtimes: {self.runtimes_at_work} at work at most, busy for "
                f"{self.busy_share:.0%} of the time"
            )
        if self.send_seconds and self.sent / self.send_seconds < _SENT * self.asked_rate:
            return "this machine: it did not send as fast as it was asked to"
        return (
            f"none of what is measured: the runtimes were busy for {self.busy_share:.0%} of the "
            "time. Nodes that had to start, model switches or the agents' way to AWS are left"
        )


def figures_of(sent: Sequence[Sent], ends: Mapping[str, TaskView], asked_rate: float) -> Figures:
    """Computes what a run shows.

    Args:
        sent: its requests; at least one.
        ends: what is known of the tasks, by uid.
        asked_rate: mean rate that was to be sent.
    """
    accepted = [one for one in sent if one.is_accepted]
    tasks = [ends[one.uid] for one in accepted if one.uid is not None and one.uid in ends]
    ended = [task for task in tasks if task.status in END_STATUSES]
    completed = [task for task in ended if task.status is TaskStatus.COMPLETED]
    first, last = min(one.at for one in sent), max(one.at for one in sent)
    last_end = max([*map(_end, ended), last])
    at_work, busy = busyness(completed)
    return Figures(
        asked_rate=round(asked_rate, 3),
        sent=len(sent),
        accepted=len(accepted),
        completed=len(completed),
        failed=len(ended) - len(completed),
        not_ended=len(tasks) - len(ended),
        lost=len(accepted) - len(tasks),
        begun_again=sum(task.attempts > 1 for task in tasks),
        refusals=dict(Counter(_refusal(one) for one in sent if not one.is_accepted)),
        bad_refusals=sum(_is_bad(one) for one in sent),
        send_seconds=round(last - first, 3),
        total_seconds=round(last_end - first, 3),
        finished_rate=round(len(ended) / (last_end - first), 3) if last_end > first else 0.0,
        answer=Percentiles.of(one.seconds for one in sent if one.status),
        wait=Percentiles.of(
            (task.started_at - task.created_at).total_seconds()
            for task in ended
            if task.started_at is not None
        ),
        end_to_end=Percentiles.of(map(seconds_of, ended)),
        phases=Phases.of(completed),
        runtimes_at_work=at_work,
        busy_share=round(busy, 3),
    )


def seconds_of(task: TaskView) -> float:
    """From acceptance to the end of a task that has ended."""
    return _end(task) - task.created_at.timestamp()


def busyness(tasks: Sequence[TaskView]) -> tuple[int, float]:
    """Returns how many runtimes worked at one time at most, and their busy share.

    A task's work ends when its upload begins: so much before its end.
    """
    spans = [span for task in tasks if (span := _span(task)) is not None]
    if not spans:
        return 0, 0.0
    # An end counts before a begin at the same moment.
    events = sorted([(at, 1) for at, _ in spans] + [(end, -1) for _, end in spans])
    at_once = 0
    seconds_of_level: dict[int, float] = defaultdict(float)
    for (at, change), (following, _) in pairwise([*events, (events[-1][0], 0)]):
        at_once += change
        seconds_of_level[at_once] += following - at
    worked = sum(level * seconds for level, seconds in seconds_of_level.items())
    length = max(end for _, end in spans) - min(at for at, _ in spans)
    steady = _steady_level(seconds_of_level, length)
    return steady, min(1.0, worked / (steady * length)) if length and steady else 0.0


def _steady_level(seconds_of_level: Mapping[int, float], length: float) -> int:
    """The highest number at one time that held for more than a moment.

    Times are rounded to milliseconds, so the end of a task and the begin of the next may overlap.
    """
    levels = [one for one, s in seconds_of_level.items() if s > 0.01 * length]
    return max(levels, default=0)


def _span(task: TaskView) -> tuple[float, float] | None:
    timings = task.timings
    if task.started_at is None or timings is None or not timings.generation_seconds:
        return None
    begin = task.started_at.timestamp()
    return begin, begin + timings.generation_seconds


def _end(task: TaskView) -> float:
    return (task.finished_at or datetime.now(UTC)).timestamp()


def _refusal(one: Sent) -> str:
    return f"{one.status} {one.error}".strip() if one.status else f"no answer ({one.error})"


def _is_bad(one: Sent) -> bool:
    if one.is_accepted:
        return False
    return one.status not in (_THROTTLED, _UNAVAILABLE) or not one.says_when
