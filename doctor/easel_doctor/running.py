"""Runs checks beside each other, each with a time limit."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from easel_doctor.check import Check, Phase
from easel_doctor.finding import Finding, found, unchecked


@dataclass(frozen=True)
class Result:
    """A check that was run.

    Attributes:
        name: of the check.
        phase: of the check.
        finding: what it has found.
        seconds: that it took.
    """

    name: str
    phase: Phase
    finding: Finding
    seconds: float


def run_checks(
    checks: Sequence[Check], on_result: Callable[[Result], None] = lambda _: None
) -> list[Result]:
    """Runs all checks at once.

    Args:
        checks: all of them, each of them once.
        on_result: is told each result as early as those before it are known, too.

    Returns:
        the results in the order of the checks.
    """
    started = time.monotonic()
    running = [_start(check) for check in checks]
    results = []
    for check, answer in zip(checks, running, strict=True):
        result = _await(check, answer, started)
        results.append(result)
        on_result(result)
    return results


_Answer = SimpleQueue[tuple[Finding, float]]


def _start(check: Check) -> _Answer:
    answer: _Answer = SimpleQueue()

    def run() -> None:
        begun = time.monotonic()
        finding = check.run()
        answer.put((finding, time.monotonic() - begun))

    # A thread cannot be ended; one that hangs must not keep the program.
    threading.Thread(target=run, name=f"doctor {check.name}", daemon=True).start()
    return answer


def _await(check: Check, answer: _Answer, started: float) -> Result:
    left = started + check.limit_seconds - time.monotonic()
    try:
        # Where it is there already, no time need be left.
        finding, seconds = answer.get(timeout=max(left, 0.01))
    except Empty:
        seconds = check.limit_seconds
        finding = found(
            "could not be looked at",
            [
                unchecked(
                    f"it takes more than {check.limit_seconds:.0f} s",
                    "Run `easel doctor` again; where it stays, look at the network.",
                )
            ],
        )
    return Result(check.name, check.phase, finding, seconds)
