"""HTTP to the SD WebUI beside the agent, with every wait bounded."""

from typing import Any

import requests
import urllib3

from easel_agent.errors import RuntimeDeadError
from easel_agent.runtimes.connections import ConnectionTracker
from easel_agent.runtimes.sdwebui.errors import failure_of

_CONNECT_SECONDS = 5
PROBE_SECONDS = 10
"""Its answers can stall for seconds while it works."""
_MISSING = frozenset({404, 405, 501})
"""Of a route that a server does not have: sd-server and forks lack some."""
MISSING: Any = object()
"""Instead of an answer, where the server has no such route."""


class RuntimeGoneError(RuntimeDeadError):
    """Nobody listens at its address: its process has ended, which a stall does not tell."""


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
            RuntimeGoneError: nobody listens.
            RuntimeDeadError: it did not answer.
        """
        return self._asked("GET", path, seconds, parameters, None, if_any=False)

    def get_if_any(self, path: str, *, seconds: float = PROBE_SECONDS, **parameters: str) -> Any:
        """As `get`; MISSING where the server has no such route."""
        return self._asked("GET", path, seconds, parameters, None, if_any=True)

    def tell_if_any(self, path: str, body: Any, *, seconds: float = PROBE_SECONDS) -> Any:
        """Posts something small that no job stands in the way of; else as `get_if_any`."""
        return self._asked("POST", path, seconds, {}, body, if_any=True)

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
            RejectedTaskError, TransientError, RuntimeBrokenError: see `failure_of`.
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

    def _asked(
        self,
        method: str,
        path: str,
        seconds: float,
        parameters: dict[str, str],
        body: Any,
        *,
        if_any: bool,
    ) -> Any:
        try:
            answer = self._http.request(
                method,
                f"{self.url}{path}",
                params=parameters,
                json=body,
                timeout=(min(_CONNECT_SECONDS, seconds), seconds),
            )
            if answer.ok:
                return answer.json()
        except requests.RequestException as error:
            kind = RuntimeGoneError if _nobody_listens(error) else RuntimeDeadError
            raise kind(f"SD WebUI at {self.url} does not answer: {error}") from error
        if if_any and answer.status_code in _MISSING:
            return MISSING
        raise failure_of(answer.status_code, answer.content)


def _nobody_listens(error: requests.RequestException) -> bool:
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), urllib3.exceptions.NewConnectionError)
