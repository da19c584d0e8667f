"""Failures of the device: when the device is broken, which task to leave to others."""

import threading
from collections import OrderedDict

_MAX_TASKS = 100


class DeviceHistory:
    """Remembers failures of the device; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed_uid: str | None = None
        self._too_large: OrderedDict[str, None] = OrderedDict()

    def went_well(self) -> None:
        """A task was done: the device works."""
        with self._lock:
            self._failed_uid = None

    def failed(self, uid: str) -> bool:
        """The device failed at a task.

        Returns:
            Whether it is broken: the one before at which it failed was another task, and none
            went well since.
        """
        with self._lock:
            before, self._failed_uid = self._failed_uid, uid
            return before is not None and before != uid

    def ran_out_of_memory(self, uid: str) -> None:
        """A task does not fit here: another pod may have more memory free."""
        with self._lock:
            self._too_large[uid] = None
            while len(self._too_large) > _MAX_TASKS:
                self._too_large.popitem(last=False)

    def leaves_to_others(self, uid: str) -> bool:
        """Whether a task is to be left to others, this once: there may be no other pod."""
        with self._lock:
            return self._too_large.pop(uid, False) is None
