"""Asks the instance's metadata whether a Spot interruption is coming.

Two minutes' notice: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
"""

import logging
import threading
from collections.abc import Callable

import requests

logger = logging.getLogger(__name__)

METADATA_URL = "http://169.254.169.254"
_POLL_SECONDS = 5.0
_TIMEOUT_SECONDS = 2.0
_TOKEN_SECONDS = 21_600


class SpotWatch:
    """A thread that calls back once, when an interruption is announced."""

    def __init__(
        self,
        on_interruption: Callable[[], None],
        metadata_url: str = METADATA_URL,
        poll_seconds: float = _POLL_SECONDS,
    ) -> None:
        self._on_interruption = on_interruption
        self._metadata_url = metadata_url
        self._poll_seconds = poll_seconds
        self._stopped = threading.Event()
        self._http = requests.Session()
        self._http.trust_env = False
        self._token = ""

    def start(self) -> None:
        """Starts the thread."""
        threading.Thread(target=self._watch, name="spot-watch", daemon=True).start()

    def stop(self) -> None:
        """Ends it."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.is_set():
            try:
                if self._is_announced():
                    logger.warning("Spot interruption announced: stopping")
                    self._on_interruption()
                    return
            except requests.RequestException as error:
                logger.debug("no instance metadata: %s", error)
            self._stopped.wait(self._poll_seconds)

    def _is_announced(self) -> bool:
        answer = self._ask()
        if answer.status_code == requests.codes.unauthorized:
            self._token = self._new_token()
            answer = self._ask()
        return answer.ok  # 404: nothing is announced

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
