"""The stack of clean-ups: each step puts its own on top before it makes anything."""

from collections.abc import Callable
from contextlib import ExitStack

from botocore.exceptions import BotoCoreError, ClientError

from easel_snapshot.errors import SnapshotError
from easel_snapshot.patience import Patience
from easel_snapshot.report import Report

_SECONDS = 15 * 60

Remove = Callable[[Patience], object]


class CleanUps:
    """Undoes steps in the opposite order; one that fails keeps no other from its turn."""

    def __init__(
        self, report: Report, *, poll_seconds: float, seconds: float | None = None
    ) -> None:
        """Nothing is to be undone yet.

        Args:
            report: is told what could not be undone.
            poll_seconds: between two tries.
            seconds: how long each is tried, as the network may be away; None: 15 minutes.
        """
        self._report = report
        self._poll_seconds = poll_seconds
        self._seconds = _SECONDS if seconds is None else seconds
        self._stack = ExitStack()
        self.left: list[str] = []
        """What could not be removed, with the reason."""

    def push(self, what: str, remove: Remove) -> None:
        """Puts a clean-up on top.

        Args:
            what: is removed, in words.
            remove: removes it, and does nothing where it is not there.
        """
        self._stack.callback(self._undo, what, remove)

    def run(self) -> None:
        """Undoes everything; does not raise, but fills `left`."""
        self._stack.close()

    def _undo(self, what: str, remove: Remove) -> None:
        patience = Patience(self._seconds, poll_seconds=self._poll_seconds)

        def try_once() -> bool:
            remove(patience)
            return True

        try:
            patience.until(f"the removal of {what}", try_once)
        except (ClientError, BotoCoreError, SnapshotError) as error:
            self.left.append(f"{what}: {error}")
            self._report.say(f"could not remove {what}: {error}")
