"""Asks before a load spends money."""

import sys
from collections.abc import Sequence

from easel_cli.progress import Progress
from easel_cli.target import Target
from easel_cli.tasks import TasksApi
from easel_contract.plain_text import printable
from easel_contract.tasks_api import TaskView
from easel_load.arrivals import Pattern, expected_tasks, rates
from easel_load.options import LoadOptions, Shape

_ASKED = 20
"""Newest completed tasks whose mean cost is told."""


def may_go_on(options: LoadOptions, target: Target, api: TasksApi, progress: Progress) -> bool:
    """Asks before it spends money: on AWS each task is GPU time."""
    if target.aws_endpoint_url is not None or options.yes:
        return True
    if options.shape is Shape.KNEE:
        words = f"at most {options.max_tasks} tasks"
    else:
        pattern = Pattern(options.shape)
        words = f"about {expected_tasks(rates(pattern, options.rate, options.seconds))} tasks"
    progress.say(
        f"This sends {words} to {target.endpoint} and has GPU nodes started for them.\n"
        f"{_cost_words(list(api.pages({'status': 'completed'}, _ASKED)))}"
    )
    if not sys.stdin.isatty():
        progress.say("Nothing is sent without an answer: say --yes.")
        return False
    sys.stderr.write("Go on? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _cost_words(tasks: Sequence[TaskView]) -> str:
    costs = [task.usage for task in tasks if task.usage.cost is not None]
    if not costs:
        return "What one costs is not known: no completed task of this key has a price."
    mean = sum(one.cost or 0.0 for one in costs) / len(costs)
    return printable(
        f"The last {len(costs)} completed tasks cost {mean:.5f} {costs[0].currency} of GPU time "
        "each; nodes that start and idle come on top (easel cost)."
    )
