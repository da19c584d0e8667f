"""Sends requests to a stack's public API."""

from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

_TIMEOUT_SECONDS = (5, 35)
"""Connect, and answer: API Gateway itself gives up after 29 s."""

_LOOPBACK = "127.0.0.1"


class ApiClient:
    """One API, with the authorization that it asks for."""

    def __init__(self, endpoint: str, authorization: AuthBase) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._http = requests.Session()
        self._http.auth = authorization
        # A proxy from the environment is not meant for the emulator on this machine.
        self._http.trust_env = urlsplit(endpoint).hostname != _LOOPBACK

    def post(self, version: str, body: dict[str, Any]) -> requests.Response:
        """Sends a request.

        Args:
            version: `v1alpha1` or `v1alpha2`.
            body: the request as JSON.

        Raises:
            requests.RequestException: the API did not answer.
        """
        return self._http.post(
            f"{self._endpoint}/{version}",
            json=body,
            timeout=_TIMEOUT_SECONDS,
            # The API never redirects, and nobody else is to get the key.
            allow_redirects=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()
