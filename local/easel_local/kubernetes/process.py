"""Starts, reads and stops an API server's process."""

import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from easel_local.processes import ManagedProcess, start

_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.05
_CALL_SECONDS = 10.0


class KubernetesApiError(Exception):
    """The API server did not start; the message holds the reason and the log's path."""


class KubernetesApi:
    """One API server's process, as a context manager.

    Example:
        >>> with KubernetesApi("easel", folder=Path("api"), log_path=Path("api.log")) as api:
        ...     print(api.url, api.items("api/v1/namespaces"))
    """

    def __init__(
        self,
        cluster_name: str,
        *,
        folder: Path,
        log_path: Path,
        credentials_path: Path | None = None,
        port: int = 0,
    ) -> None:
        """Describes the process; nothing is started yet.

        Args:
            cluster_name: that the callers' EKS tokens must be for.
            folder: gets the certificates and the server's own token; made if missing, private.
            log_path: file for its output; overwritten.
            credentials_path: file with the access key that signs EKS tokens, made if missing; None
                takes ``credentials`` in the folder.
            port: on 127.0.0.1; 0 takes a free one.
        """
        self._command = [sys.executable, "-m", "easel_local.kubernetes", "--port", str(port)]
        self._command += ["--cluster", cluster_name, "--certificate", str(folder.resolve())]
        self.credentials_path = (credentials_path or folder / "credentials").resolve()
        """Of the file for AWS_SHARED_CREDENTIALS_FILE."""
        self._command += ["--credentials", str(self.credentials_path)]
        self._folder = folder
        self._log_path = log_path
        self.process: ManagedProcess | None = None
        """While it runs; one that shall outlive this program goes into a state file."""
        self.url = ""
        """Such as https://127.0.0.1:6443, once started."""

    @property
    def ca_pem(self) -> str:
        """The certificate authority that a client trusts, once started."""
        return (self._folder / "ca.pem").read_text()

    @property
    def own_token(self) -> str:
        """The token of who has started it, once started."""
        return (self._folder / "own-token").read_text()

    def start(self) -> None:
        """Starts the process and waits until it listens.

        Raises:
            KubernetesApiError: it ended, or did not come up within 30 s.
        """
        self.process = start("kubernetes", self._command, os.environ, self._log_path)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self.process.is_running():
            line, end, _ = self._log_path.read_text().partition("\n")
            if end and line.startswith("https://"):
                self.url = line
                return
            time.sleep(_POLL_SECONDS)
        reason = self.process.last_log_line()
        self.stop()
        raise KubernetesApiError(
            f"the API server did not come up: {reason} (log: {self._log_path})"
        )

    def stop(self) -> None:
        """Stops the process; does nothing where none runs. What it held is gone."""
        process, self.process = self.process, None
        if process is not None:
            process.stop(_STOP_SECONDS)

    def items(self, path: str) -> list[dict[str, Any]]:
        """Returns the objects of a list, such as `apis/apps/v1/deployments`.

        Raises:
            requests.HTTPError: no such kind is served.
        """
        items: list[dict[str, Any]] = self.call("GET", path)["items"]
        return items

    def calls(self) -> list[str]:
        """Returns the last requests in their order, as `METHOD path`."""
        calls: list[str] = self.call("GET", "calls")["calls"]
        return calls

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Makes any request as the server's own user.

        Args:
            method: of HTTP.
            path: without a slash before it.
            body: sent as JSON; with PATCH, a merge patch.

        Raises:
            requests.HTTPError: the server refused.
        """
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        answer = requests.request(
            method,
            f"{self.url}/{path}",
            json=body,
            headers={
                "Authorization": f"Bearer {self.own_token}",
                "Content-Type": kind,
            },
            verify=str(self._folder / "ca.pem"),
            timeout=_CALL_SECONDS,
        )
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
