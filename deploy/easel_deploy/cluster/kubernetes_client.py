"""Calls a cluster's API server: the few plain calls that draining and uninstalling need.

Why not the official client: docs/adr/0020.
"""

import datetime
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from easel_deploy.cluster.errors import (
    ClusterError,
    NotFoundError,
    UnknownCallerError,
    UnreachableError,
)
from easel_deploy.cluster.kubeconfig import ClusterEntry, ExecPlugin, UserEntry, read_kubeconfig

Object = dict[str, Any]

_CONNECT_SECONDS = 5
_READ_SECONDS = 30
_PLUGIN_SECONDS = 60
_EARLY = datetime.timedelta(seconds=60)
_PAGE = 200
_MAX_OBJECTS = 20_000
_PASSING = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class KubernetesClient:
    """A session with one API server, by a kubeconfig's current context."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        """Reads the kubeconfig; calls nothing.

        Args:
            kubeconfig: its path.
            folder: private; certificates that are in the kubeconfig itself are written here.

        Raises:
            ClusterError: the kubeconfig is not whole, or asks for what easel does not do.
        """
        base = kubeconfig.resolve().parent
        cluster, user = read_kubeconfig(kubeconfig)
        self.url = cluster.server.rstrip("/")
        self._verify = _authority(cluster, base, folder)
        self._session = requests.Session()
        self._session.mount("https://", _NamedServer(cluster.tls_server_name))
        self._session.cert = _client_certificate(user, base, folder)
        self._token = _token_source(user, base)
        # An auth of our own also keeps requests from looking for one in ~/.netrc.
        self._session.auth = self._sign

    def version(self) -> str:
        """Returns the server's version, such as v1.35.2."""
        return str(self.get("version").get("gitVersion", "unknown"))

    def get(self, path: str, **query: str) -> Object:
        """Reads one object or list.

        Raises:
            NotFoundError: there is none at that path.
            UnknownCallerError: the server does not know who is calling.
            UnreachableError: no answer, or one that says to come back later.
            ClusterError: any other refusal.
        """
        return self._call("GET", path, query)

    def items(self, path: str, **selection: str) -> list[Object]:
        """Reads all objects of a list, page by page; none where the kind is not known.

        Args:
            path: of the list.
            selection: such as labelSelector.

        Raises:
            ClusterError: as `get`.
        """
        found: list[Object] = []
        query = {"limit": str(_PAGE), **selection}
        while len(found) < _MAX_OBJECTS:
            try:
                page = self.get(path, **query)
            except NotFoundError:
                return found
            found += page.get("items") or []
            following = page.get("metadata", {}).get("continue")
            if not following:
                break
            query["continue"] = following
        return found

    def delete(self, path: str) -> None:
        """Deletes an object after its dependents; does nothing where it is gone already.

        Raises:
            ClusterError: as `get`.
        """
        try:
            self._call("DELETE", path, {}, {"propagationPolicy": "Foreground"})
        except NotFoundError:
            return

    def set_replicas(self, path: str, replicas: int) -> None:
        """Sets how many pods a Deployment has.

        Args:
            path: of the Deployment.
            replicas: how many.

        Raises:
            ClusterError: as `get`.
        """
        self._call("PATCH", path, {}, {"spec": {"replicas": replicas}})

    def drop_finalizers(self, path: str, keep: Sequence[str] = ()) -> None:
        """Lets an object go whose controller is gone; does nothing where it is gone already.

        Args:
            path: of the object.
            keep: finalizers of other controllers.

        Raises:
            ClusterError: as `get`.
        """
        try:
            self._call("PATCH", path, {}, {"metadata": {"finalizers": list(keep) or None}})
        except NotFoundError:
            return

    def _call(
        self, method: str, path: str, query: dict[str, str], body: Object | None = None
    ) -> Object:
        url = f"{self.url}/{path}"
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        try:
            answer = self._session.request(
                method,
                url,
                params=query,
                data=json.dumps(body) if body is not None else None,
                headers={"Content-Type": kind, "Accept": "application/json"},
                timeout=(_CONNECT_SECONDS, _READ_SECONDS),
                verify=self._verify,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise UnreachableError(f"{self.url} cannot be reached: {_reason(error)}") from error
        if answer.ok:
            content: Object = answer.json()
            return content
        raise _refusal(answer, f"{method} {url}")

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token()}"
        return request


class _NamedServer(HTTPAdapter):
    """Expects another name in the server's certificate than the URL's, as a tunnel needs."""

    def __init__(self, name: str | None) -> None:
        self._name = name
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        if self._name:
            kwargs |= {"server_hostname": self._name, "assert_hostname": self._name}
        super().init_poolmanager(*args, **kwargs)


def _refusal(answer: requests.Response, call: str) -> ClusterError:
    try:
        said = str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        said = answer.text[:300]
    message = f"{call} was answered {answer.status_code}: {said}"
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        return UnknownCallerError(message)
    if answer.status_code == HTTPStatus.NOT_FOUND:
        return NotFoundError(message)
    return (UnreachableError if answer.status_code in _PASSING else ClusterError)(message)


def _reason(error: requests.RequestException) -> str:
    # The innermost says it without the names of Python's objects.
    cause: BaseException = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    return str(cause) or type(cause).__name__


def _authority(cluster: ClusterEntry, base: Path, folder: Path) -> str | bool:
    if cluster.insecure_skip_tls_verify:
        raise ClusterError(
            "The kubeconfig says insecure-skip-tls-verify. easel does not send credentials to a "
            "server that it cannot tell: for a tunnel, set tls-server-name to the endpoint's name."
        )
    if cluster.certificate_authority_data:
        path = folder / "authority.pem"
        path.write_bytes(cluster.certificate_authority_data)
        return str(path)
    return str(base / cluster.certificate_authority) if cluster.certificate_authority else True


def _client_certificate(user: UserEntry, base: Path, folder: Path) -> tuple[str, str] | None:
    if user.client_certificate_data and user.client_key_data:
        certificate, key = folder / "client.pem", folder / "client-key.pem"
        for path, content in (
            (certificate, user.client_certificate_data),
            (key, user.client_key_data),
        ):
            path.touch(0o600)
            path.write_bytes(content)
        return str(certificate), str(key)
    if user.client_certificate and user.client_key:
        return str(base / user.client_certificate), str(base / user.client_key)
    return None


def _token_source(user: UserEntry, base: Path) -> Callable[[], str] | None:
    if user.exec:
        return _PluginToken(user.exec)
    if user.token_file:
        path = base / user.token_file
        return lambda: path.read_text().strip()
    fixed = user.token
    return None if fixed is None else lambda: fixed


class _PluginToken:
    """Asks an exec plugin, and keeps its token until a minute before it ends."""

    def __init__(self, plugin: ExecPlugin) -> None:
        self._plugin = plugin
        self._token: str | None = None
        self._until: datetime.datetime | None = None

    def __call__(self) -> str:
        now = datetime.datetime.now(datetime.UTC)
        if self._token is None or (self._until is not None and now > self._until - _EARLY):
            self._token, self._until = self._ask()
        return self._token

    def _ask(self) -> tuple[str, datetime.datetime | None]:
        plugin = self._plugin
        own = {one.name: one.value for one in plugin.env or ()}
        asked = {"apiVersion": plugin.api_version, "kind": "ExecCredential"}
        asked_for = json.dumps(asked | {"spec": {"interactive": False}})
        try:
            answer = subprocess.run(  # noqa: S603 - the user's own kubeconfig names it
                [plugin.command, *(plugin.args or ())],
                env={**os.environ, **own, "KUBERNETES_EXEC_INFO": asked_for},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_PLUGIN_SECONDS,
                check=True,
            )
            status = json.loads(answer.stdout)["status"]
            until = status.get("expirationTimestamp")
            return str(status["token"]), datetime.datetime.fromisoformat(until) if until else None
        except subprocess.CalledProcessError as error:
            raise ClusterError(f"{plugin.command} gave no token: {error.stderr.strip()}") from error
        except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
            raise ClusterError(f"{plugin.command} gave no token: {type(error).__name__}") from error
