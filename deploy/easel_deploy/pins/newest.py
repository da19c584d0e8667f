"""Asks the makers of what is pinned for their newest versions, where they can be reached."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import boto3
import requests
import yaml
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from easel_deploy.pins import AGENT_BASE, BOTTLEROCKET, KARPENTER, KEDA

_SECONDS = 10
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_CONFIG = Config(connect_timeout=5, read_timeout=_SECONDS, retries={"max_attempts": 1})


class NotReachedError(Exception):
    """Whom to ask cannot be reached from here, or answers something else; the message says how."""


def newest_of(versions: Iterable[str]) -> str:
    """Returns the newest whole version, without a `v`; release candidates and the like are none.

    Raises:
        NotReachedError: there is none among them.
    """
    found = [tuple(map(int, one.groups())) for one in map(_VERSION.fullmatch, versions) if one]
    if not found:
        raise NotReachedError("the answer names no version")
    return ".".join(map(str, max(found)))


def newest_karpenter() -> str:
    """Asks ECR Public, whose tags are those of the Docker Registry HTTP API V2.

    Raises:
        NotReachedError: it does not tell.
    """
    token = _json("https://public.ecr.aws/token/")["token"]
    address = "https://public.ecr.aws/v2/karpenter/karpenter/tags/list"
    return newest_of(_json(address, token)["tags"])


def newest_keda() -> str:
    """Reads the index of KEDA's Helm repository.

    Raises:
        NotReachedError: it does not tell.
    """
    index = yaml.safe_load(_get("https://kedacore.github.io/charts/index.yaml").text)
    return newest_of(str(entry["version"]) for entry in index["entries"]["keda"])


def newest_bottlerocket() -> str:
    """Asks GitHub for the newest release that is no pre-release.

    Raises:
        NotReachedError: it does not tell.
    """
    address = "https://api.github.com/repos/bottlerocket-os/bottlerocket/releases/latest"
    return newest_of([_json(address)["tag_name"]])


def newest_agent_base() -> str:
    """Asks Docker Hub which digest the pinned tag has today: it moves when Debian mends something.

    Returns:
        `<tag>@sha256:...`, the digest being that of the index of all platforms.

    Raises:
        NotReachedError: it does not tell.
    """
    scope = "service=registry.docker.io&scope=repository:library/python:pull"
    token = _json(f"https://auth.docker.io/token?{scope}")["token"]
    tag = AGENT_BASE.version
    address = f"https://registry-1.docker.io/v2/library/python/manifests/{tag}"
    answer = _get(address, token, accept="application/vnd.oci.image.index.v1+json")
    return f"{tag}@{answer.headers['Docker-Content-Digest']}"


def kubernetes_ends() -> str:
    """Asks EKS for the versions under standard support and their last days.

    Raises:
        NotReachedError: there are no credentials, or no network.
    """
    try:
        answer = boto3.Session().client("eks", config=_CONFIG).describe_cluster_versions()
    except (BotoCoreError, ClientError) as error:
        raise NotReachedError(str(error)) from error
    return ", ".join(
        f"{one['clusterVersion']} until {one['endOfStandardSupportDate']:%Y-%m-%d}"
        for one in answer["clusterVersions"]
        if one.get("versionStatus") == "STANDARD_SUPPORT"
    )


QUESTIONS: dict[str, Callable[[], str]] = {
    "Kubernetes on EKS": kubernetes_ends,
    KARPENTER.name: newest_karpenter,
    KEDA.name: newest_keda,
    BOTTLEROCKET.name: newest_bottlerocket,
    AGENT_BASE.name: newest_agent_base,
}
"""Who is asked, by the pin's name; for add-ons, region by region, it is `easel eks addons`."""


def _get(address: str, token: str | None = None, accept: str = "*/*") -> requests.Response:
    headers = {"Accept": accept} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        answer = requests.get(address, headers=headers, timeout=_SECONDS)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise NotReachedError(f"{_without_query(address)}: {type(error).__name__}") from error
    return answer


def _json(address: str, token: str | None = None) -> Any:
    try:
        return _get(address, token).json()
    except requests.JSONDecodeError as error:
        raise NotReachedError(f"{_without_query(address)}: no JSON") from error


def _without_query(address: str) -> str:
    return address.partition("?")[0]
