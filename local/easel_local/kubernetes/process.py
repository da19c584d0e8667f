"""Starts, reads and stops an API server's process."""

import os
import sys
from pathlib import Path
from typing import Any

import requests

from easel_local.server_process import ServerProcess

_CALL_SECONDS = 10.0


class KubernetesApi(ServerProcess):
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
        self.credentials_path = (credentials_path or folder / "credentials").resolve()
        """Of the file for AWS_SHARED_CREDENTIALS_FILE."""
        self._folder = folder
        command = [sys.executable, "-m", "easel_local.kubernetes", "--port", str(port)]
        command += ["--cluster", cluster_name, "--certificate", str(folder.resolve())]
        command += ["--credentials", str(self.credentials_path)]
        super().__init__(
            "Kubernetes API server",
            command,
            address_prefix="https://",
            environment=os.environ,
            log_path=log_path,
        )

    @property
    def url(self) -> str:
        """Such as https://127.0.0.1:6443, once started."""
        return self.address

    @property
    def ca_pem(self) -> str:
        """The certificate authority that a client trusts, once started."""
        return (self._folder / "ca.pem").read_text()

    @property
    def own_token(self) -> str:
        """The token of who has started it, once started."""
        return (self._folder / "own-token").read_text()

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
