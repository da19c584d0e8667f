"""SD WebUI's settings, kept as its process had them at first: no task's setting reaches another.

`override_settings` stay behind where the server does not restore them: it stores for restoring
only the settings that its configuration holds (AUTOMATIC1111's modules/processing.py,
`process_images`; recorded in a1111_1.10.1_override_leak_and_interrupt_mark). A setting that was
posted to `/options` once is among them from then on.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from easel_agent.errors import (
    RejectedTaskError,
    RuntimeBusyError,
    RuntimeDeadError,
    TransientError,
)
from easel_agent.runtimes.job import Job
from easel_agent.runtimes.sdwebui.api import MISSING, SdWebUiApi
from easel_agent.runtimes.sdwebui.own_job import OwnJob, Standing
from easel_agent.runtimes.sdwebui.progress import ProgressReader, ServerProgress
from easel_contract.errors import TaskErrorCode

logger = logging.getLogger(__name__)

CHECKPOINT = "sd_model_checkpoint"
_PATH = "/sdapi/v1/options"
_NOT_COMPARED = frozenset({CHECKPOINT, "sd_checkpoint_hash"})
"""The server changes the hash itself, and the checkpoint's title where it computes one; which
checkpoint is in use is compared by `Checkpoints`."""
_OF_ENCODING = frozenset({"samples_format", "jpeg_quality", "webp_lossless"})
"""Looked at when a job's overrides are restored again: a task's own would change nothing
(modules/api/api.py, `encode_pil_to_base64`)."""
_LOOK_SECONDS = 0.05
_STILL_SECONDS = 10.0
"""After which a server that says that it works, and where nothing moves, is given a small job."""

Values = dict[str, Any]


class SdWebUiSettings:
    """The settings of one server.

    Attributes:
        is_clean: whether they were seen to be as at first, or as the task overrode them, while the
            last job of ours ran: they need not be looked at before the next.
    """

    def __init__(self, api: SdWebUiApi, reader: ProgressReader, wait_seconds: float) -> None:
        """Describes it; nothing is sent.

        Args:
            api: asks.
            reader: tells whether somebody's job runs, whose overrides are then in force.
            wait_seconds: how long others' jobs may keep it from being read or set right.
        """
        self._api = api
        self._reader = reader
        self._wait_seconds = wait_seconds
        self._baseline: Values | None = None
        self._sample: Values | None = None
        self._now: Values = {}
        self._known: set[str] = set()
        self._stubborn: set[str] = set()
        self._is_readable = True
        self._is_writable = True
        self.is_clean = False

    def forget(self) -> None:
        """The process has ended: its next one's settings are its own."""
        self._baseline = self._sample = None
        self.is_clean = False
        self._known.clear()
        self._stubborn.clear()

    @property
    def checkpoint(self) -> str | None:
        """Title of the checkpoint that the process had at first; None where it tells none."""
        return _text((self._baseline or {}).get(CHECKPOINT))

    @property
    def current_checkpoint(self) -> str | None:
        """Title of the checkpoint that it had when it was looked at last."""
        return _text(self._now.get(CHECKPOINT))

    def baseline(self, names: Iterable[str]) -> Values:
        """The first values of some settings."""
        return {name: (self._baseline or {}).get(name) for name in names}

    def look(self, job: Job, heal: Callable[[], None]) -> None:
        """Reads the settings; the first of a process become its baseline.

        Args:
            job: whose stop ends the waiting.
            heal: gives the server a small job, during which it calls `take_sample`.

        Raises:
            RuntimeBusyError: somebody else's jobs did not end, whose settings are in force.
            TransientError, RuntimeDeadError: see `SdWebUiApi.get`.
            Exception: whatever the job was stopped with.
        """
        if not self._is_readable:
            return
        now = self._read()
        if now is None:
            return
        self._now = now
        if self._baseline is None:
            self._baseline = dict(self._first(job, heal))
        elif self.checkpoint is None and self.current_checkpoint is not None:
            # The first job chose it.
            self._baseline[CHECKPOINT] = self.current_checkpoint

    def refuse_unknown(self, overrides: Values) -> None:
        """Raises RejectedTaskError where there are no such settings; names them all."""
        if self._baseline is None:
            return
        unknown = sorted(name for name in overrides if name not in self._baseline)
        if unknown:
            raise RejectedTaskError(
                TaskErrorCode.RUNTIME_REJECTED,
                "override_settings: this runtime has no setting "
                + ", ".join(repr(name)[:100] for name in unknown[:20]),
            )

    def settle(self, overrides: Values, job: Job, heal: Callable[[], None]) -> Values:
        """Undoes settings that somebody left behind, and has a task's overrides end with it.

        Args:
            overrides: of the task.
            job: whose stop ends the waiting.
            heal: gives the server a small job.

        Returns:
            Settings that the task must ask for, as they could not be put right: a job of somebody
            else runs, and what is in force may be its own.

        Raises:
            RuntimeBusyError: see `look`; only for what a task cannot ask for.
            TransientError, RuntimeDeadError: see `SdWebUiApi.post`.
            Exception: whatever the job was stopped with.
        """
        new = {name: (self._baseline or {})[name] for name in overrides if self._is_new(name)}
        if self._baseline is None or not self._is_writable or not (new or self._differing()):
            return {}
        if self._is_idle():
            self._restore(new)
            return {}
        # What is in force now may be a running job's own: it stays as it is, and is known then.
        self._set({name: self._now.get(name, value) for name, value in new.items()})
        if self._differing().keys() & _OF_ENCODING:
            self._when_idle(job, heal, lambda: bool(self._differing().keys() & _OF_ENCODING))
            if self._is_idle():
                self._restore({})
                return {}
        return self._differing()

    def settle_all(self, job: Job, heal: Callable[[], None]) -> None:
        """As `settle`, for a task that cannot ask for settings: waits until they are right."""
        if self._differing() and self._is_writable:
            self._when_idle(job, heal, lambda: bool(self._differing()))
            if self._differing():
                self._restore({})

    def _is_new(self, name: str) -> bool:
        has = self._baseline is not None and name in self._baseline
        return has and name not in self._known | self._stubborn | {CHECKPOINT}

    def _differing(self, now: Values | None = None) -> Values:
        """The first values of the settings that have changed."""
        now = self._now if now is None else now
        return {
            name: value
            for name, value in (self._baseline or {}).items()
            if name not in _NOT_COMPARED
            and name not in self._stubborn
            and name in now
            and now[name] != value
        }

    def _read(self) -> Values | None:
        """The settings; None where the server never told them."""
        try:
            told = self._api.get_if_any(_PATH)
        except TransientError as error:
            told = None
            logger.warning("%s", error)
        if isinstance(told, dict):
            return told
        if self._baseline is not None:
            raise TransientError("SD WebUI does not tell its settings any more")
        self._is_readable = False
        logger.warning("this SD WebUI does not tell its settings: they cannot be kept apart")
        return None

    def _is_idle(self) -> bool:
        """Whether nobody's job ran while the settings were read, which are read again."""
        before = self._reader.read()
        if before is None:
            return True
        if before.is_busy:
            return False
        self._now = self._read() or {}
        after = self._reader.read()
        return after is not None and not after.is_busy and _is_same_job(before, after)

    def check(self, api: SdWebUiApi, own: OwnJob, overridden: Iterable[str], title: str) -> None:
        """Looks at the settings while a job of ours runs; sets `is_clean`.

        Called from another thread; never raises.

        Args:
            api: of that thread.
            own: the job.
            overridden: settings that are the job's own.
            title: of the checkpoint that draws it.
        """
        if self._baseline is None:
            return
        with contextlib.suppress(RuntimeDeadError, RejectedTaskError, TransientError):
            told = api.get_if_any(_PATH)
            if not isinstance(told, dict) or own.look() is not Standing.RUNNING:
                return
            is_same = told.get(CHECKPOINT) in (title, self.current_checkpoint)
            differing = self._differing(told).keys() - set(overridden)
            self.is_clean = is_same and not differing

    def were_left(self, job: Job, heal: Callable[[], None]) -> bool:
        """Whether the job that was just done may have been done with what somebody left behind.

        What a running job of somebody else overrides is waited for; see `look` for the rest.
        """
        self.look(job, heal)
        try:
            if self._differing() and not self._is_idle():
                self._when_idle(job, heal, lambda: bool(self._differing()))
        except RuntimeBusyError:
            return True
        return bool(self._differing())

    def take_sample(self, own: OwnJob) -> None:
        """Reads the settings while a small job of ours runs: then nobody's overrides are in force.

        Called from another thread; never raises.
        """
        if self._baseline is not None:
            return
        with contextlib.suppress(RuntimeDeadError, RejectedTaskError, TransientError):
            told = self._api.get_if_any(_PATH)
            if isinstance(told, dict) and own.look() is Standing.RUNNING:
                self._sample = told

    def _first(self, job: Job, heal: Callable[[], None]) -> Values:
        """The settings while nobody else's job runs, or in a moment of ours."""
        began = time.monotonic()
        while self._sample is None and not self._is_idle():
            job.check()
            if time.monotonic() - began >= self._wait_seconds:
                raise self._busy()
            heal()
        return self._sample or self._now

    def _busy(self) -> RuntimeBusyError:
        message = f"others' jobs on SD WebUI took longer than {self._wait_seconds:g} s"
        return RuntimeBusyError(message)

    def _when_idle(self, job: Job, heal: Callable[[], None], is_needed: Callable[[], bool]) -> None:
        """Waits until nobody's job runs, or until it is not needed any more."""
        began = time.monotonic()
        last, since, is_healed = None, began, False
        while not self._is_idle():
            job.check()
            told = self._reader.read()
            self._now = self._read() or {}
            if not is_needed():
                return
            now = time.monotonic()
            if told != last:
                last, since = told, now
            elif now - since >= _STILL_SECONDS and not is_healed:
                is_healed = True
                heal()
            if now - began >= self._wait_seconds:
                raise self._busy()
            time.sleep(_LOOK_SECONDS)

    def _restore(self, new: Values) -> None:
        """Sets settings that differ, or are first overridden now, to their first values."""
        left = self._differing()
        if left:
            logger.warning("settings were left behind, put right: %s", ", ".join(sorted(left)))
        self._set(left | new)
        if left and self._is_writable and self._is_idle():
            # `restrict_api`, `do_not_save`: the server takes them in silence, and sets nothing.
            self._warn_of(self._differing())

    def _set(self, values: Values) -> None:
        try:
            self._post(values)
        except (RejectedTaskError, TransientError) as error:
            logger.warning("settings could not be set together: %s", error)
            for name, value in values.items():
                self._post_alone(name, value)
        self._known.update(values)

    def _post(self, values: Values) -> None:
        if self._api.tell_if_any(_PATH, values) is MISSING:
            self._is_writable = False
            logger.warning("settings of this SD WebUI cannot be set")

    def _post_alone(self, name: str, value: Any) -> None:
        try:
            self._post({name: value})
        except (RejectedTaskError, TransientError):
            self._warn_of([name])  # such as `--freeze-settings`

    def _warn_of(self, names: Iterable[str]) -> None:
        if stubborn := set(names):
            logger.warning("settings that cannot be put right: %s", ", ".join(sorted(stubborn)))
            self._stubborn |= stubborn


def _is_same_job(one: ServerProgress, other: ServerProgress) -> bool:
    return one.state.job_timestamp == other.state.job_timestamp


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
