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

    def post(
        self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> requests.Response:
        """Sends a request.

        Args:
            path: below the endpoint, such as `v1alpha2`.
            body: the request as JSON.
            headers: beside the usual ones.

        Raises:
            requests.RequestException: the API did not answer.
        """
        return self._http.post(
            f"{self._endpoint}/{path}",
            json=body,
            headers=headers,
            timeout=_TIMEOUT_SECONDS,
            # The API never redirects, and nobody else is to get the key.
            allow_redirects=False,
        )

    def get(self, path: str, parameters: dict[str, str] | None = None) -> requests.Response:
        """Asks for something.

        Args:
            path: below the endpoint, such as `v1alpha2/tasks`.
            parameters: of the query.

        Raises:
            requests.RequestException: the API did not answer.
        """
        return self._http.get(
            f"{self._endpoint}/{path}",
            params=parameters,
            timeout=_TIMEOUT_SECONDS,
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
