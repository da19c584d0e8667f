"""`python -m tests.faults.soak`: many tasks and random faults; prints a report.

The same seed gives the same faults in the same order. The exit status is 1 where something that
must hold did not.
"""

import argparse
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from easel_contract.record import DIRECT_TENANT
from easel_local.emulator import Emulator
from tests.aws_proxy import AwsProxy
from tests.faults.aws_resources import AwsClients
from tests.faults.chaos import Chaos
from tests.faults.invariants import Evidence, violations
from tests.faults.scenario import Cloud, Scenario, Setup, new_folder

_STEP_SECONDS = 5.0
_SERVICE_SECONDS = 0.25
_END_SECONDS = 240.0
_SETTINGS = {"EASEL_TASK_TIMEOUT_SECONDS": "6", "EASEL_BACK_OFF_SECONDS": "2"}


@dataclass(frozen=True)
class Outcome:
    """What a soak showed."""

    evidence: Evidence
    found: list[str]
    jobs: Counter[int]
    faults: Counter[str]
    injected: Counter[str]
    seconds: float


def soak(tasks: int, seconds: float, seed: int, folder: Path) -> Outcome:
    """Sends tasks evenly over a time in which something breaks every 5 seconds.

    Args:
        tasks: how many.
        seconds: for how long things break; the tasks that are left then have 4 minutes.
        seed: of the faults.
        folder: for logs.
    """
    started = time.monotonic()
    with Emulator(log_path=folder / "emulator.log") as emulator:
        proxy = AwsProxy(
            emulator.endpoint_url,
            log_path=folder / "proxy.log",
            environment=emulator.environment(),
        )
        with proxy:
            cloud = Cloud(emulator, proxy, AwsClients(emulator))
            setup = Setup(service_seconds=_SERVICE_SECONDS, settings=_SETTINGS)
            with Scenario(cloud, "soak", folder, setup) as scenario:
                chaos = Chaos(scenario, seed)
                _send_and_break(scenario, chaos, tasks, seconds)
                evidence = scenario.finish(_END_SECONDS)
                jobs = scenario.jobs()
            injected = proxy.injected()
    return Outcome(
        evidence,
        violations(evidence),
        jobs,
        chaos.done,
        injected,
        time.monotonic() - started,
    )


def _send_and_break(scenario: Scenario, chaos: Chaos, tasks: int, seconds: float) -> None:
    steps = max(1, round(seconds / _STEP_SECONDS))
    next_at = time.monotonic()
    pause = threading.Event()
    for step in range(steps):
        # The last tasks are sent before the last fault.
        count = tasks * (step + 1) // steps - tasks * step // steps
        if count:
            chaos.sent(scenario.submit_many(count))
        chaos.step()
        next_at += _STEP_SECONDS
        pause.wait(max(0.0, next_at - time.monotonic()))
    chaos.end()


def _print(console: Console, outcome: Outcome, seed: int) -> None:
    evidence = outcome.evidence
    table = Table(title=f"soak, seed {seed}: {outcome.seconds:.0f} s")
    table.add_column("what")
    table.add_column("count", justify="right")
    done = sum(outcome.jobs.values())
    rows: dict[str, int] = {
        "tasks accepted": len(evidence.accepted),
        "completed": len(evidence.completed),
        "failed": len(evidence.failed),
        "cancelled": len(evidence.cancelled),
        "tries that the records count": sum(record.attempts for record in evidence.records),
        "most tries of a task": max((record.attempts for record in evidence.records), default=0),
        "tasks published by hand": sum(
            record.tenant == DIRECT_TENANT for record in evidence.records
        ),
        "objects of tries that did not count": len(evidence.lost_objects()),
        "callbacks repeated (identical)": evidence.repeats(),
        "jobs that the runtimes completed": done,
        "lost runs: jobs beyond one a task": done - len(outcome.jobs),
        "dead letters": len(evidence.dead_letters),
    }
    codes = Counter(error.code for error in evidence.failed.values())
    rows |= {f"failed: {code}": count for code, count in sorted(codes.items())}
    rows |= {f"fault: {name}": count for name, count in sorted(outcome.faults.items())}
    rows["AWS calls struck"] = outcome.injected.total()
    for name, count in rows.items():
        table.add_row(name, str(count))
    console.print(table)
    for sentence in outcome.found:
        console.print(f"VIOLATED: {sentence}", highlight=False, markup=False)
    console.print(f"{len(outcome.found)} violations")


def main() -> int:
    """Runs it.

    Returns:
        0 where all held, 1 where something did not.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--tasks", type=int, default=1000, help="(%(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=600.0, help="how long things break (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the faults (%(default)s)")
    options = parser.parse_args()
    console = Console()
    folder = new_folder("soak")
    console.print(f"logs: {folder}")
    outcome = soak(options.tasks, options.seconds, options.seed, folder)
    _print(console, outcome, options.seed)
    return 1 if outcome.found else 0


if __name__ == "__main__":
    sys.exit(main())
