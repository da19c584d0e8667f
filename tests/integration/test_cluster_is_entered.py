"""The way into a cluster, and what is said where there is none."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from easel_deploy.cluster.access import KUBECONFIG_VARIABLE, cluster_access
from easel_deploy.cluster.errors import (
    ClusterError,
    ClusterGoneError,
    NotFoundError,
    UnknownCallerError,
    UnreachableError,
)
from easel_deploy.cluster.request import ClusterRequest
from easel_local.credentials import StackCredentials
from easel_local.kubernetes import KubernetesApi
from easel_local.paths import ROOT
from easel_local.ports import free_port
from tests.integration.eks_stub import Clusters, described, eks_stub

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("clusters")]

REQUEST = ClusterRequest(cluster_name="easel", region="us-east-1")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesApi]:
    folder = tmp_path_factory.mktemp("api")
    with KubernetesApi("easel", folder=folder / "tls", log_path=folder / "log") as running:
        yield running


@pytest.fixture
def clusters(api: KubernetesApi, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clusters]:
    for name in [name for name in os.environ if name.startswith(("AWS_", "EASEL_"))]:
        monkeypatch.delenv(name)
    key = StackCredentials.read(api.credentials_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret_access_key)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    clusters = {"easel": described(api.url, api.ca_pem)}
    with eks_stub(clusters) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_EKS", url)
        yield clusters


def enter(request: ClusterRequest = REQUEST, said: list[str] | None = None) -> str:
    """Goes in; returns the server's version."""
    say = (said if said is not None else []).append
    with cluster_access(request, say, patience_seconds=0) as access:
        return access.client.version()


def settings_in(message: str) -> set[str]:
    """The settings of `cluster` that a message names; an environment takes all of them."""
    named = set(re.findall(r"\bcluster = \{ (\w+) =", message))
    variables = (ROOT / "envs" / REQUEST.region / "variables.tf").read_text()
    cluster = variables.partition('variable "cluster"')[2].partition("\n}\n")[0]
    known = set(re.findall(r"^    (\w+) += optional\(", cluster, re.MULTILINE))
    assert named <= known
    return named


def test_an_eks_cluster_is_entered_with_aws_credentials() -> None:
    assert enter() == "v1.35.0"


def test_what_leads_there_is_private_holds_no_token_and_goes_again() -> None:
    with cluster_access(REQUEST, print, patience_seconds=0) as access:
        folder = access.folder
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(access.kubeconfig.stat().st_mode) == 0o600
        user = yaml.safe_load(access.kubeconfig.read_text())["users"][0]["user"]
        assert user.keys() == {"exec"}
        access.client.version()
        for file in folder.rglob("*"):
            assert b"k8s-aws-v1" not in file.read_bytes()
    assert not folder.exists()


def test_a_cluster_that_is_not_there_is_gone() -> None:
    with pytest.raises(ClusterGoneError, match="no cluster other in us-east-1"):
        enter(ClusterRequest(cluster_name="other", region="us-east-1"))


def test_a_cluster_that_is_being_deleted_is_gone(clusters: Clusters) -> None:
    clusters["easel"]["status"] = "DELETING"
    with pytest.raises(ClusterGoneError, match="being deleted"):
        enter()


def test_a_cluster_that_is_being_made_is_to_be_waited_for(clusters: Clusters) -> None:
    clusters["easel"] = {"name": "easel", "status": "CREATING"}
    with pytest.raises(ClusterGoneError, match="still being made: wait until its status is ACTIVE"):
        enter()


def test_a_cluster_without_an_endpoint_is_no_cluster_that_is_gone(clusters: Clusters) -> None:
    clusters["easel"] = {"name": "easel", "status": "PENDING"}
    with pytest.raises(ClusterError, match="its status is PENDING: wait") as refused:
        enter()
    assert not isinstance(refused.value, ClusterGoneError)


def test_a_private_endpoint_is_told_from_one_for_other_addresses(clusters: Clusters) -> None:
    clusters["easel"]["endpoint"] = f"https://127.0.0.1:{free_port()}"
    with pytest.raises(UnreachableError) as private:
        enter()
    assert "Connection refused" in str(private.value)
    assert "takes calls from its VPC and networks that are let in" in str(private.value)
    assert settings_in(str(private.value)) == {"public_access_cidrs", "private_access_cidrs"}
    assert "make apply ENV=us-east-1 TF_ARGS=-target=module.eks_karpenter" in str(private.value)
    assert KUBECONFIG_VARIABLE in str(private.value)

    clusters["easel"]["resourcesVpcConfig"] = {
        "endpointPublicAccess": True,
        "publicAccessCidrs": ["192.0.2.0/24"],
    }
    with pytest.raises(UnreachableError, match=r"takes calls from 192\.0\.2\.0/24"):
        enter()


def test_a_server_that_is_not_the_clusters_gets_no_token(
    clusters: Clusters, tmp_path: Path
) -> None:
    with KubernetesApi("easel", folder=tmp_path / "tls", log_path=tmp_path / "log") as impostor:
        clusters["easel"]["endpoint"] = impostor.url
        with pytest.raises(UnreachableError, match="certificate verify failed"):
            enter()


def test_a_missing_access_entry_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-somebody-else")
    with pytest.raises(UnknownCallerError, match="does not know these AWS credentials") as unknown:
        enter()
    assert settings_in(str(unknown.value)) == {"access_entries"}
    assert 'policy = "cluster-admin"' in str(unknown.value)
    assert "make apply ENV=us-east-1 TF_ARGS=-target=module.eks_karpenter" in str(unknown.value)


def test_without_credentials_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ClusterError, match="Needed are AWS credentials"):
        enter()


def test_a_new_cluster_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("easel_deploy.cluster.access._PAUSE_SECONDS", 0.05)
    calls = iter([UnreachableError("no such host"), UnknownCallerError("not yet")])
    version = "easel_deploy.cluster.access.KubernetesClient.version"

    def answer(_: object) -> str:
        if error := next(calls, None):
            raise error
        return "v1.35.0"

    monkeypatch.setattr(version, answer)
    said: list[str] = []
    with cluster_access(REQUEST, said.append, patience_seconds=10):
        assert said == ["no such host; trying for 10 s"]


@pytest.fixture
def tunnel(
    clusters: Clusters, api: KubernetesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A kubeconfig of the user's own, which EKS need not be asked about."""
    clusters.clear()
    path = tmp_path / "kubeconfig"
    (tmp_path / "ca.pem").write_text(api.ca_pem)
    (tmp_path / "token").write_text(api.own_token)
    write(path, server=api.url, authority="ca.pem")
    monkeypatch.setenv(KUBECONFIG_VARIABLE, str(path))
    return path


def write(path: Path, server: str, authority: str, **more: object) -> None:
    entry = {"server": server, "certificate-authority": authority} | more
    content = {
        "clusters": [{"name": "tunnel", "cluster": entry}],
        "users": [{"name": "me", "user": {"tokenFile": "token"}}],
        "contexts": [{"name": "c", "context": {"cluster": "tunnel", "user": "me"}}],
        "current-context": "c",
    }
    path.write_text(yaml.safe_dump(content))


def test_a_kubeconfig_of_the_users_own_is_used_in_place(tunnel: Path) -> None:
    assert enter() == "v1.35.0"
    assert tunnel.exists()


def test_a_tunnels_other_end_is_known_by_its_name(tunnel: Path, api: KubernetesApi) -> None:
    named = {"tls-server-name": "localhost"}
    write(tunnel, api.url, "ca.pem", **named)
    assert enter() == "v1.35.0"
    write(tunnel, api.url, "ca.pem", **{"tls-server-name": "api.example.com"})
    with pytest.raises(UnreachableError, match=r"api\.example\.com"):
        enter()


def test_a_kubeconfig_that_trusts_anyone_is_refused(tunnel: Path, api: KubernetesApi) -> None:
    write(tunnel, api.url, "ca.pem", **{"insecure-skip-tls-verify": True})
    with pytest.raises(ClusterError, match="set tls-server-name"):
        enter()


def test_a_kubeconfig_without_its_context_is_refused(tunnel: Path) -> None:
    tunnel.write_text(tunnel.read_text().replace("name: tunnel", "name: elsewhere"))
    with pytest.raises(ClusterError, match="has no cluster 'tunnel'"):
        enter()
    tunnel.write_text("clusters: []\n")
    with pytest.raises(ClusterError, match="wrong or missing: users, contexts, current-context"):
        enter()


def test_a_closed_tunnel_is_asked_about(tunnel: Path) -> None:
    write(tunnel, f"https://127.0.0.1:{free_port()}", "ca.pem")
    with pytest.raises(UnreachableError, match="is the tunnel open"):
        enter()


def test_objects_are_read_and_a_missing_one_is_as_good_as_deleted() -> None:
    with cluster_access(REQUEST, print, patience_seconds=0) as access:
        assert len(access.client.items("api/v1/namespaces")) >= 4
        assert access.client.items("apis/karpenter.sh/v1/nodepools") == []
        with pytest.raises(NotFoundError):
            access.client.get("api/v1/namespaces/none")
        access.client.delete("api/v1/namespaces/none")


def test_the_server_itself_refuses_who_shows_nothing(api: KubernetesApi, tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text(api.ca_pem)
    answer = requests.get(f"{api.url}/version", verify=str(authority), timeout=10)
    assert answer.status_code == 401
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{api.url}/version", timeout=10)
