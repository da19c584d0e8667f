"""Watches the mount of the model bucket: once it broke, no container of this pod has models again.

A FUSE file system whose process has ended answers every call with ENOTCONN. The mount stays so in
containers that have it, also in those that are started anew: only a new pod gets a new mount. See
docs/adr/0045-a-pod-without-models-is-replaced.md.
"""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

logger = logging.getLogger(__name__)

_PERIOD_SECONDS = 5.0
"""Between two looks; each costs one round trip to a process on the same node."""
_LOOKS = 2
"""Looks in a row that must fail: one that succeeds in between means that it works."""
_PATIENCE_SECONDS = 60.0
"""How long an answer may take until the look has failed. A guess: Mountpoint answers without S3,
but by threads that may all wait for S3, and pods must not be replaced because S3 is slow."""
_QUICK_SECONDS = 1.0
"""The same where a task waits for it; an answer that takes longer says nothing then."""


class ModelMount:
    """A thread that looks at the mount, and tells once when it is broken."""

    def __init__(self, folder: Path, look: Callable[[Path], object] = os.statvfs) -> None:
        """Describes it; nothing is looked at yet.

        Args:
            folder: where the bucket is mounted.
            look: asks the file system something; raises OSError where it is broken, and may block
                for ever. statvfs(3): FUSE keeps no answer to it, while stat(2) of the folder may
                be answered from what the kernel remembers (Linux, fs/fuse/inode.c, fuse_statfs).
        """
        self._folder = folder
        self._look = look
        self._failure: str | None = None
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._running: _Look | None = None

    @property
    def failure(self) -> str | None:
        """What is wrong with the mount, for people; None while it works. It stays."""
        return self._failure

    def start(self, on_broken: Callable[[str], None]) -> None:
        """Starts the thread.

        Args:
            on_broken: called once, from the thread, with what is wrong.
        """
        threading.Thread(
            target=self._watch, args=(on_broken,), name="model-mount", daemon=True
        ).start()

    def stop(self) -> None:
        """Ends the thread; one that is blocked ends with the process."""
        self._stopped.set()

    def fails_now(self) -> str | None:
        """Looks at once: what is wrong with the mount, as far as a second tells."""
        return self._failure or self._problem(_QUICK_SECONDS, unknown=None)

    def _watch(self, on_broken: Callable[[str], None]) -> None:
        failures = 0
        while not self._stopped.wait(_PERIOD_SECONDS):
            silence = f"no answer for {_PATIENCE_SECONDS:.0f} s"
            problem = self._problem(_PATIENCE_SECONDS, unknown=silence)
            failures = failures + 1 if problem else 0
            if problem and failures < _LOOKS:
                logger.warning("the models at %s cannot be read: %s", self._folder, problem)
            elif problem:
                self._failure = (
                    f"the mount of the model bucket at {self._folder} is broken ({problem}): "
                    "only a new pod gets a new one"
                )
                on_broken(self._failure)
                return

    def _problem(self, seconds: float, unknown: str | None) -> str | None:
        """What a look finds; `unknown` where it does not end in time.

        A look that hangs is waited for again, so that there is never more than one of them.
        """
        with self._lock:
            if self._running is None or self._running.is_over():
                self._running = _Look(self._look, self._folder)
            look = self._running
        return look.result() if look.ends_within(seconds) else unknown


class _Look:
    """One look in a thread of its own, as it may never come back."""

    def __init__(self, look: Callable[[Path], object], folder: Path) -> None:
        self._problem: str | None = None
        self._over = threading.Event()
        threading.Thread(
            target=self._work, args=(look, folder), name="model-mount-look", daemon=True
        ).start()

    def is_over(self) -> bool:
        return self._over.is_set()

    def ends_within(self, seconds: float) -> bool:
        return self._over.wait(seconds)

    def result(self) -> str | None:
        return self._problem

    def _work(self, look: Callable[[Path], object], folder: Path) -> None:
        try:
            look(folder)
        except OSError as error:
            self._problem = error.strerror or str(error)
        finally:
            self._over.set()
