"""What a destroy names before anything goes: tasks, volumes, others' things in the network."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from easel_contract.plain_text import printable_lines
from easel_deploy.environments.others_in_network import claimed_volumes, others_in_network, some
from easel_deploy.environments.retained import Managed
from easel_deploy.environments.stack import StackIdentity
from easel_deploy.environments.unfinished_tasks import unfinished_tasks


@dataclass(frozen=True)
class _Look:
    subject: str
    heading: str
    lines: Callable[[StackIdentity, Managed], Iterator[str]]


_TASKS = _Look(
    "tasks",
    "Not done yet, and lost with its queue (let tasks end, or cancel them: easel tasks list)",
    unfinished_tasks,
)
_VOLUMES = _Look("volumes", "Pods have made these volumes", lambda stack, _: claimed_volumes(stack))
_OTHERS = _Look(
    "other things in the network",
    "Made by neither Terraform nor Karpenter; the network cannot be deleted before these are gone",
    others_in_network,
)


def look_first(stack: StackIdentity, managed: Managed, *, whole: bool) -> None:
    """Prints what a destroy would lose or stumble over; nothing where there is nothing.

    What cannot be looked at is said and does not stop a destroy: a person is asked afterwards.

    Args:
        stack: the stack.
        managed: what its state has.
        whole: whether the whole stack goes; of a part only the tasks are looked at.
    """
    for look in (_TASKS, _VOLUMES, _OTHERS) if whole else (_TASKS,):
        try:
            lines = some(list(look.lines(stack, managed)))
        except (ClientError, BotoCoreError) as error:
            reason = printable_lines(str(error))
            sys.stdout.write(f"easel: {look.subject} could not be looked at: {reason}\n")
            continue
        if lines:
            said = "".join(f"  - {one}\n" for one in lines)
            sys.stdout.write(f"easel: {look.heading}:\n{said}")
