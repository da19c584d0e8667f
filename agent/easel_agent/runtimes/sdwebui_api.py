"""HTTP to the SD WebUI beside the agent, with every wait bounded."""

import contextlib
import threading
from concurrent.futures import Future, InvalidStateError
from typing import Any

import requests

from easel_agent.errors import RuntimeDeadError
from easel_agent.runtimes.sdwebui_errors import failure_of

_CONNECT_SECONDS = 5
PROBE_SECONDS = 10
"""Its answers can stall for seconds while it works."""


class SdWebUiApi:
    """One server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = _session()
        self._in_flight: Future[requests.Response] | None = None

    def get(self, path: str, **parameters: str) -> Any:
        """Asks for something that no job stands in the way of.

        Returns:
            The answer's JSON.

        Raises:
            RejectedTaskError, TransientError: it refused, see `failure_of`.
            RuntimeDeadError: it did not answer.
        """
        try:
            answer = self._http.get(
                f"{self.url}{path}", params=parameters, timeout=(_CONNECT_SECONDS, PROBE_SECONDS)
            )
            if answer.ok:
                return answer.json()
        except requests.RequestException as error:
            raise RuntimeDeadError(f"SD WebUI at {self.url} does not answer: {error}") from error
        raise failure_of(answer)

    def post(self, path: str, body: Any, seconds: float) -> bytes:
        """Has it do something.

        Args:
            path: of the API.
            body: sent as JSON.
            seconds: how long it may take.

        Returns:
            The answer as it came.

        Raises:
            requests.ReadTimeout: it took longer; it may still be at it.
            RejectedTaskError, TransientError: it refused or failed, see `failure_of`.
            RuntimeDeadError: it went away, or `abort` was called.
        """
        try:
            answer = self._send(path, body, seconds).result()
        except requests.ReadTimeout:
            raise
        except requests.RequestException as error:
            raise RuntimeDeadError(f"SD WebUI at {self.url} went away: {error}") from error
        if not answer.ok:
            raise failure_of(answer)
        return answer.content

    def abort(self) -> None:
        """Has the `post` that is under way raise RuntimeDeadError at once."""
        future = self._in_flight
        if future is not None:
            with contextlib.suppress(InvalidStateError):
                future.set_exception(RuntimeDeadError(f"SD WebUI at {self.url} does not answer"))
            # What still waits for the answer keeps the old connections to itself.
            self._http = _session()

    def _send(self, path: str, body: Any, seconds: float) -> "Future[requests.Response]":
        """Sends from a thread of its own: a server that hangs must not hold ours."""
        future: Future[requests.Response] = Future()
        http = self._http

        def send() -> None:
            try:
                answer = http.post(
                    f"{self.url}{path}", json=body, timeout=(_CONNECT_SECONDS, seconds)
                )
            except Exception as error:  # noqa: BLE001 - handed to who waits
                with contextlib.suppress(InvalidStateError):
                    future.set_exception(error)
            else:
                with contextlib.suppress(InvalidStateError):
                    future.set_result(answer)

        self._in_flight = future
        threading.Thread(target=send, name="sdwebui-post", daemon=True).start()
        return future


def _session() -> requests.Session:
    session = requests.Session()
    # It is on this host: a proxy from the environment is never meant for it.
    session.trust_env = False
    return session
