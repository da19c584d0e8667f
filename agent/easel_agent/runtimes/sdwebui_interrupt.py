"""Stops the running job of an SD WebUI; recorded in tests/data/captures/a1111_interrupt.json."""

import logging
import threading
from types import TracebackType
from typing import Self

import requests

from easel_agent.errors import RejectedTaskError, RuntimeDeadError, TransientError
from easel_agent.runtimes.sdwebui_api import SdWebUiApi

logger = logging.getLogger(__name__)

_INTERRUPT_SECONDS = 5
_AGAIN_SECONDS = 0.5

_FAILURES = (requests.ReadTimeout, RuntimeDeadError, RejectedTaskError, TransientError)


class JobInterrupt:
    """A context around one request: `stop` ends what it asked for, and reaches no later job.

    SD WebUI forgets an interrupt that comes before its job has begun, and one job begins some
    time after its request was sent: so the interrupt is sent again until the context is left.
    """

    def __init__(self, api: SdWebUiApi) -> None:
        """Describes it; nothing is sent.

        Args:
            api: the client whose `post` waits for the job.
        """
        self._api = api
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            # An interrupt that is under way would reach the next job.
            self._thread.join()

    def stop(self, error: Exception) -> None:
        """Has the job end; where it cannot be told, or the runtime is dead, ends the waiting.

        Args:
            error: why.
        """
        # A client of its own: the other one waits for the job's answer.
        own = SdWebUiApi(self._api.url)
        if isinstance(error, RuntimeDeadError):
            self._api.abort()
            return
        failure = _failure_to_send(own)
        if failure is not None:
            logger.warning("the running job was not interrupted: %s", failure)
            self._api.abort()
            return
        self._thread = threading.Thread(
            target=self._repeat, args=(own,), name="interrupt", daemon=True
        )
        self._thread.start()

    def _repeat(self, own: SdWebUiApi) -> None:
        while not self._ended.wait(_AGAIN_SECONDS):
            # It answers late while it works: a failure now is no reason to give the job up.
            _failure_to_send(own)


def _failure_to_send(own: SdWebUiApi) -> Exception | None:
    try:
        own.post("/sdapi/v1/interrupt", {}, _INTERRUPT_SECONDS)
    except _FAILURES as error:
        return error
    return None
