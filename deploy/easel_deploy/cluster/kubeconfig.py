"""Writes the kubeconfig of an EKS cluster, and reads any kubeconfig.

Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

import sys
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, ValidationError

from easel_deploy.cluster.eks_cluster import Cluster
from easel_deploy.cluster.errors import ClusterError

_MAX_BYTES = 1024 * 1024
_PRIVATE = 0o600


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, alias_generator=lambda name: name.replace("_", "-"), populate_by_name=True
    )


class ClusterEntry(_Part):
    """How to reach an API server."""

    server: str
    certificate_authority: Path | None = None
    certificate_authority_data: Base64Bytes | None = None
    tls_server_name: str | None = None
    insecure_skip_tls_verify: bool = False


class ExecVariable(_Part):
    """One of an exec plugin's own."""

    name: str
    value: str


class ExecPlugin(_Part):
    """A command that prints a token."""

    command: str
    args: list[str] | None = None
    env: list[ExecVariable] | None = None
    api_version: str = Field("client.authentication.k8s.io/v1", alias="apiVersion")


class UserEntry(_Part):
    """How to say who is calling."""

    token: str | None = None
    token_file: Path | None = Field(None, alias="tokenFile")
    client_certificate: Path | None = None
    client_certificate_data: Base64Bytes | None = None
    client_key: Path | None = None
    client_key_data: Base64Bytes | None = None
    exec: ExecPlugin | None = None


class _NamedCluster(_Part):
    name: str
    cluster: ClusterEntry


class _NamedUser(_Part):
    name: str
    user: UserEntry


class _Context(_Part):
    cluster: str
    user: str


class _NamedContext(_Part):
    name: str
    context: _Context


class _Kubeconfig(_Part):
    clusters: list[_NamedCluster]
    users: list[_NamedUser]
    contexts: list[_NamedContext]
    current_context: str


def write_kubeconfig(path: Path, cluster: Cluster) -> None:
    """Writes a kubeconfig without any secret: its user is the command `easel-deploy eks token`."""
    command = ["-m", "easel_deploy.main", "eks", "token"]
    command += ["--cluster", cluster.name, "--region", cluster.region]
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": command,
        "interactiveMode": "Never",
    }
    server = {"server": cluster.endpoint, "certificate-authority-data": cluster.ca_base64}
    name = cluster.name
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": server}],
        "users": [{"name": name, "user": {"exec": plugin}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    path.touch(_PRIVATE)
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def read_kubeconfig(path: Path) -> tuple[ClusterEntry, UserEntry]:
    """Returns the cluster and the user of a kubeconfig's current context.

    Raises:
        ClusterError: it cannot be read, or lacks one of them.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ClusterError(f"{path} is longer than {_MAX_BYTES} bytes: no kubeconfig")
        config = _Kubeconfig.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise ClusterError(f"The kubeconfig {path} cannot be read: {error}") from error
    except ValidationError as error:
        # Not the error itself: it repeats what it refuses.
        wrong = ", ".join(".".join(map(str, one["loc"])) for one in error.errors())
        raise ClusterError(f"{path} is no whole kubeconfig; wrong or missing: {wrong}") from None
    context = _named(config.contexts, config.current_context, "context", path).context
    cluster = _named(config.clusters, context.cluster, "cluster", path).cluster
    return cluster, _named(config.users, context.user, "user", path).user


_Named = TypeVar("_Named", _NamedCluster, _NamedUser, _NamedContext)


def _named(entries: list[_Named], name: str, kind: str, path: Path) -> _Named:
    for entry in entries:
        if entry.name == name:
            return entry
    raise ClusterError(f"The kubeconfig {path} has no {kind} {name!r}")
