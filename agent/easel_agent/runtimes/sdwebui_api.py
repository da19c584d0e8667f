"""HTTP to the SD WebUI beside the agent, with every wait bounded."""

from typing import Any

import requests
import urllib3

from easel_agent.errors import RuntimeDeadError
from easel_agent.runtimes.connections import ConnectionTracker
from easel_agent.runtimes.sdwebui_errors import failure_of

_CONNECT_SECONDS = 5
PROBE_SECONDS = 10
"""Its answers can stall for seconds while it works."""


class SdWebUiApi:
    """One server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = requests.Session()
        # It is on this host: a proxy from the environment is never meant for it.
        self._http.trust_env = False
        self._connections = ConnectionTracker()
        self._http.mount("http://", self._connections)

    def get(self, path: str, *, seconds: float = PROBE_SECONDS, **parameters: str) -> Any:
        """Asks for something that no job stands in the way of.

        Args:
            path: of the API.
            seconds: how long the answer may take.
            parameters: of the query.

        Returns:
            The answer's JSON.

        Raises:
            RejectedTaskError, TransientError: it refused, see `failure_of`.
            RuntimeDeadError: it did not answer.
        """
        try:
            answer = self._http.get(
                f"{self.url}{path}",
                params=parameters,
                timeout=(min(_CONNECT_SECONDS, seconds), seconds),
            )
            if answer.ok:
                return answer.json()
        except requests.RequestException as error:
            raise RuntimeDeadError(f"SD WebUI at {self.url} does not answer: {error}") from error
        raise failure_of(answer.status_code, answer.content)

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
            with self._http.post(
                f"{self.url}{path}", json=body, timeout=(_CONNECT_SECONDS, seconds), stream=True
            ) as answer:
                # At once: in the small pieces that requests reads, the GPU would wait for it.
                content: bytes = answer.raw.read(decode_content=True)
                if not answer.ok:
                    raise failure_of(answer.status_code, content)
                return content
        except requests.ReadTimeout:
            raise
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise RuntimeDeadError(f"SD WebUI at {self.url} went away: {error}") from error

    def abort(self) -> None:
        """Has the `post` that is under way raise RuntimeDeadError at once."""
        self._connections.cut()
