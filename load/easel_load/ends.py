"""Waits until every accepted task has ended, and reads what the records say of it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import requests
from pydantic import ValidationError

from easel_cli.submit import RefusedError
from easel_cli.tasks import TasksApi
from easel_contract.record import END_STATUSES
from easel_contract.tasks_api import TaskView
from easel_load.plan import Sent

_PAUSE_SECONDS = 1.0
_CLOCKS_APART = timedelta(seconds=60)
"""How far this machine's clock and the stack's may be apart."""
_OTHERS = 10_000
"""Newer tasks of the same tenant that are gone through at most."""
_FAULTS = (requests.RequestException, RefusedError, ValidationError)


class Ends:
    """The ends of one run's tasks, as the API lists them for each tenant."""

    def __init__(self, apis: Mapping[str, TasksApi], timeout_seconds: float) -> None:
        """Prepares; asks for nothing.

        Args:
            apis: the API by tenant, with each one's authorization.
            timeout_seconds: after which a task that has not ended counts as not ended.
        """
        self._apis = apis
        self._timeout_seconds = timeout_seconds

    def of(self, sent: Sequence[Sent], update: Callable[[int], None]) -> dict[str, TaskView]:
        """Waits for the ends.

        Args:
            sent: all requests of the run.
            update: told how many have not ended yet.

        Returns:
            The last that is known of each accepted task, by uid; a task that never ended is in it
            as it stands, and one that nothing is known of is not.
        """
        known: dict[str, TaskView] = {}
        deadline = time.monotonic() + self._timeout_seconds
        while open_ones := _open(sent, known):
            update(sum(len(uids) for uids in open_ones.values()))
            if time.monotonic() >= deadline:
                break
            for tenant, uids in open_ones.items():
                # What the API does not tell now, the next look asks for.
                with suppress(*_FAULTS):
                    for task in self._listed(tenant, _begin_of(sent), uids):
                        known[task.uid] = task
            time.sleep(_PAUSE_SECONDS)
        return known

    def cancel(self, sent: Sequence[Sent]) -> None:
        """Cancels what has not ended, as nobody waits for it any more."""
        known: dict[str, TaskView] = {}
        for tenant, uids in _open(sent, {}).items():
            with suppress(*_FAULTS):
                listed = self._listed(tenant, _begin_of(sent), uids)
                known |= {task.uid: task for task in listed}
        for tenant, uids in _open(sent, known).items():
            for uid in uids:
                with suppress(*_FAULTS):
                    self._apis[tenant].cancel(uid)

    def _listed(self, tenant: str, since: datetime, wanted: set[str]) -> Iterator[TaskView]:
        """Goes through a list, newest first, until all that is wanted was seen."""
        left = set(wanted)
        limit = len(wanted) + _OTHERS
        for task in self._apis[tenant].pages({"since": since.isoformat()}, limit):
            if task.uid in left:
                left.discard(task.uid)
                yield task
            if not left:
                return


def _open(sent: Sequence[Sent], known: Mapping[str, TaskView]) -> dict[str, set[str]]:
    """Uids of the tasks that have not ended as far as is known, by tenant."""
    found: dict[str, set[str]] = {}
    for one in sent:
        task = known.get(one.uid) if one.uid else None
        if one.uid and (task is None or task.status not in END_STATUSES):
            found.setdefault(one.tenant, set()).add(one.uid)
    return found


def _begin_of(sent: Sequence[Sent]) -> datetime:
    return datetime.fromtimestamp(min(one.at for one in sent), UTC) - _CLOCKS_APART
