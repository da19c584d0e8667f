"""Asks the instance's metadata whether a Spot interruption is coming, and when.

Two minutes' notice: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import requests
from pydantic import AwareDatetime, BaseModel, ValidationError

logger = logging.getLogger(__name__)

METADATA_URL = "http://169.254.169.254"
_POLL_SECONDS = 5.0
_TIMEOUT_SECONDS = 2.0
_TOKEN_SECONDS = 21_600
_NOTICE_SECONDS = 120.0
"""Between the notice and the instance's end."""


class _InstanceAction(BaseModel):
    """`spot/instance-action`: `{"action": "terminate", "time": "2017-09-18T08:22:00Z"}`."""

    time: AwareDatetime

    def seconds_left(self) -> float:
        """Seconds until then; a clock that was set must not give more than the notice does."""
        return min((self.time - datetime.now(UTC)).total_seconds(), _NOTICE_SECONDS)


class SpotWatch:
    """A thread that calls back once, when an interruption is announced."""

    def __init__(
        self,
        on_interruption: Callable[[float], None],
        metadata_url: str = METADATA_URL,
        poll_seconds: float = _POLL_SECONDS,
    ) -> None:
        """Describes it; nothing is asked yet.

        Args:
            on_interruption: takes the seconds until the instance ends.
            metadata_url: of the instance's metadata service.
            poll_seconds: between two looks; AWS says 5.
        """
        self._on_interruption = on_interruption
        self._metadata_url = metadata_url
        self._poll_seconds = poll_seconds
        self._stopped = threading.Event()
        self._look = threading.Event()
        self._http = requests.Session()
        self._http.trust_env = False
        self._token = ""

    def start(self) -> None:
        """Starts the thread."""
        threading.Thread(target=self._watch, name="spot-watch", daemon=True).start()

    def stop(self) -> None:
        """Ends it."""
        self._stopped.set()
        self._look.set()

    def look_now(self) -> None:
        """Has it look at once: the agent was told to stop, and the notice may be why.

        May be called from a signal handler.
        """
        self._look.set()

    def _watch(self) -> None:
        while not self._stopped.is_set():
            try:
                seconds = self._announced()
                if seconds is not None:
                    logger.warning("Spot interruption announced in %.0f s: stopping", seconds)
                    self._on_interruption(seconds)
                    return
            except requests.RequestException as error:
                logger.debug("no instance metadata: %s", error)
            self._look.wait(self._poll_seconds)
            self._look.clear()

    def _announced(self) -> float | None:
        """Returns the seconds until the instance ends; None where nothing is announced."""
        answer = self._ask()
        if answer.status_code == requests.codes.unauthorized:
            self._token = self._new_token()
            answer = self._ask()
        if not answer.ok:  # 404: nothing is announced
            return None
        try:
            return _InstanceAction.model_validate_json(answer.content).seconds_left()
        except ValidationError:
            logger.warning("the Spot notice does not say when: %.200s", answer.text)
            return _NOTICE_SECONDS - self._poll_seconds

    def _ask(self) -> requests.Response:
        return self._http.get(
            f"{self._metadata_url}/latest/meta-data/spot/instance-action",
            headers={"X-aws-ec2-metadata-token": self._token},
            timeout=_TIMEOUT_SECONDS,
        )

    def _new_token(self) -> str:
        answer = self._http.put(
            f"{self._metadata_url}/latest/api/token",
            headers={"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_SECONDS)},
            timeout=_TIMEOUT_SECONDS,
        )
        answer.raise_for_status()
        return answer.text
