"""Loads one stack: sends, waits for the ends, computes."""

import secrets
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from easel_cli.progress import Progress
from easel_cli.target import Target
from easel_load.arrivals import Pattern, expected_tasks, rates
from easel_load.ends import Ends
from easel_load.figures import Figures, figures_of
from easel_load.mix import Share
from easel_load.options import LoadOptions
from easel_load.plan import Plan, PlannedShare, Sent
from easel_load.report import Run
from easel_load.senders import Senders
from easel_load.sending import send


class Load:
    """Loads one stack: sends, waits for the ends, computes."""

    def __init__(
        self,
        options: LoadOptions,
        target: Target,
        *,
        mix: Sequence[Share],
        senders: Senders,
        ends: Ends,
        progress: Progress,
    ) -> None:
        """Prepares; sends nothing."""
        self._options = options
        self._target = target
        self._shares = [PlannedShare(**asdict(share)) for share in mix]
        self._senders = senders
        self._ends = ends
        self._progress = progress
        self._left = options.max_tasks
        self.runs: list[Run] = []

    def run(self, pattern: Pattern, rate: float) -> Figures:
        """Sends one load and waits for the ends of its tasks.

        Raises:
            easel_load.sending.SendingError: nothing could be sent.
            TooManyTasksError: `max_tasks` were sent before.
        """
        arrivals = rates(pattern, rate, self._options.seconds)
        if self._left < expected_tasks(arrivals):
            raise TooManyTasksError(self._options.max_tasks)
        file = self._options.out / f"sent-{len(self.runs) + 1}.jsonl"
        plan = self._plan(arrivals, file)
        sent: list[Sent] = []
        try:
            with self._progress.step(f"{pattern}, {rate:g} tasks per second") as update:
                sent = send(plan, self._senders.keys, lambda now: update(_sent_so_far(now)))
                if not sent:
                    raise NothingSentError(self._options.seconds, rate)
                known = self._ends.of(sent, lambda left: update(f"{left} tasks have not ended"))
        except KeyboardInterrupt:
            self._progress.say("cancelling what has not ended")
            self._ends.cancel(sent)
            raise
        self._left -= len(sent)
        figures = figures_of(sent, known, sum(arrivals) / len(arrivals))
        self.runs.append(Run(pattern, rate, arrivals, sent, known, figures))
        return figures

    def _plan(self, arrivals: list[float], file: Path) -> Plan:
        return Plan(
            target=self._target.model_dump_json(),
            rates=arrivals,
            shares=self._shares,
            tenants=dict(self._senders.weights),
            prefix=f"{self._options.prefix}/{secrets.token_hex(3)}",
            deadline_seconds=int(self._options.seconds + self._options.timeout),
            max_tasks=self._left,
            sent=file.resolve(),
        )


class TooManyTasksError(Exception):
    """The next run would send more than was allowed."""

    def __init__(self, most: int) -> None:
        super().__init__(f"the next run would make more than {most} tasks: see --max-tasks")


class NothingSentError(Exception):
    """The rate is so low that nothing came in the time."""

    def __init__(self, seconds: int, rate: float) -> None:
        super().__init__(f"at {rate:g} tasks per second none came in {seconds} s: see --seconds")


def _sent_so_far(sent: Sequence[Sent]) -> str:
    accepted = sum(one.is_accepted for one in sent)
    return f"{len(sent)} sent, {accepted} accepted"
