"""How `easel helm` runs Helm: what it is told, where it looks for logins, when it tries again."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from easel_deploy.cluster import helm_chart, helm_process, helm_release
from easel_deploy.cluster.errors import ClusterError, RequestRefusedError
from easel_deploy.cluster.helm_chart import ChartFetcher, ecr_login, is_final
from easel_deploy.cluster.helm_process import Helm, HelmFailedError
from easel_deploy.cluster.request import Chart, UpgradeRequest, read_request
from easel_deploy.request_variables import RELEASE_VARIABLE

pytestmark = pytest.mark.unit

FakeHelm = Callable[[str], Helm]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHelm:
    """Makes a helm that is a line of shell."""
    monkeypatch.delenv("EASEL_CHART_REGISTRY", raising=False)

    def of(script: str) -> Helm:
        binary = tmp_path / "helm-of-the-test"
        binary.write_text(f"#!/bin/sh\n{script}\n")
        binary.chmod(0o755)
        return Helm(binary, tmp_path / "own", said.append)

    said: list[str] = []
    return of


def test_the_users_own_set_up_of_helm_is_out_of_sight(
    fake: FakeHelm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HELM_NAMESPACE", "HELM_DRIVER", "KUBECONFIG", RELEASE_VARIABLE, "TF_VAR_secret"):
        monkeypatch.setenv(name, "of-the-user")
    monkeypatch.setenv("AWS_PROFILE", "production")
    seen = dict(line.split("=", 1) for line in fake("env").run([], limit_seconds=10).splitlines())
    assert "of-the-user" not in seen.values()
    # The plugin that makes tokens needs them.
    assert seen["AWS_PROFILE"] == "production"
    for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "KUBECACHEDIR"):
        assert seen[name].startswith(str(tmp_path))


def test_values_arrive_by_standard_input(fake: FakeHelm) -> None:
    text = "secret: x\n" * 20_000  # more than a pipe holds
    assert fake("exec cat").run([], limit_seconds=10, stdin=text) == text


def test_a_failure_is_told_in_helms_words(fake: FakeHelm) -> None:
    with pytest.raises(HelmFailedError, match="no such chart"):
        fake("echo no such chart >&2; exit 1").run(["pull"], limit_seconds=10)


def test_a_right_that_is_missing_is_named_as_it_is_set() -> None:
    said = 'namespaces is forbidden: User "me" cannot create resource "namespaces"'
    explained = str(helm_release._explained(HelmFailedError(said)))
    assert explained.startswith(said)
    assert 'access_entries = { me = { principal_arn = "<ARN>", policy = "cluster-admin" } }' in (
        explained
    )


@pytest.mark.parametrize(
    ("statuses", "revision"),
    [
        (["superseded", "deployed", "pending-upgrade"], 2),
        (["deployed", "failed", "pending-upgrade"], 1),
        # Killed between superseding the one and calling the other deployed.
        (["superseded", "superseded", "pending-upgrade"], 2),
        # The second never ran: the rollback from it failed.
        (["deployed", "superseded", "failed", "pending-upgrade"], 1),
        (["failed", "pending-upgrade"], None),
        (["pending-install"], None),
    ],
)
def test_what_never_ran_is_not_rolled_back_to(statuses: list[str], revision: int | None) -> None:
    history = [
        {"revision": number, "status": status} for number, status in enumerate(statuses, start=1)
    ]
    assert helm_release.last_that_ran(history) == revision


def test_a_helm_that_hangs_is_ended_and_progress_is_told(
    fake: FakeHelm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helm_process, "_PROGRESS_SECONDS", 0.1)
    said: list[str] = []
    hanging = fake("exec sleep 60")
    helm = Helm(hanging.binary, hanging.home, said.append)
    with pytest.raises(ClusterError, match="helm upgrade did not end within 1 s and was stopped"):
        helm.run(["upgrade"], limit_seconds=1, doing="still upgrading")
    assert len(said) >= 3
    assert said[0].startswith("still upgrading (")


@pytest.mark.parametrize(
    ("message", "final"),
    [
        ('failed to perform "FetchReference": lookup public.ecr.aws: no such host', False),
        ("Get https://x/v2/: net/http: TLS handshake timeout", False),
        ("read tcp 10.0.0.1:1->10.0.0.2:443: read: connection reset by peer", False),
        ("unexpected EOF", False),
        ("response status code 503: Service Unavailable", False),
        ("response status code 429: toomanyrequests: Rate exceeded", False),
        ('"https://x" is not a valid chart repository or cannot be reached: timeout', False),
        ("something that nobody has seen before", False),
        ("public.ecr.aws/karpenter/karpenter:9.9.9: not found", True),
        ("response status code 403: denied: not authorized", True),
        ("401: unauthorized: authentication required", True),
        ('chart "keda" version "9.9.9" not found in https://x repository', True),
    ],
)
def test_what_the_network_did_is_told_from_what_a_registry_said(message: str, final: bool) -> None:
    assert is_final(message) is final


def test_the_public_registry_is_asked_without_a_login(fake: FakeHelm, tmp_path: Path) -> None:
    helm = fake(f'env > {tmp_path}/seen; cat "$HELM_REGISTRY_CONFIG" > {tmp_path}/config; exit 1')
    chart = Chart(reference="oci://public.ecr.aws/karpenter/karpenter", version="1.14.1")
    with pytest.raises(ClusterError):
        ChartFetcher(helm, attempts=1).fetch(chart)
    assert json.loads((tmp_path / "config").read_text()) == {"auths": {}}
    # A login of Docker's that has ended would be refused.
    assert f"DOCKER_CONFIG={tmp_path}/own/registry" in (tmp_path / "seen").read_text()


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com", "us-east-1"),
        ("123456789012.dkr.ecr.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1"),
    ],
)
def test_ecr_is_signed_in_to_in_its_own_region(
    host: str, region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    asked: list[str] = []
    client = boto3.Session.client

    def spy(self: boto3.Session, service: str, **options: object) -> object:
        asked.append(f"{service} {options['region_name']}")
        return client(self, service, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(boto3.Session, "client", spy)
    with mock_aws():
        login = ecr_login(host)
    assert login is not None
    assert (login.host, login.username) == (host, "AWS")
    assert login.password
    assert asked == [f"ecr {region}"]


@pytest.mark.parametrize(
    "host",
    [
        *("public.ecr.aws", "ghcr.io", "127.0.0.1:5000"),
        "123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.example",
        "evil.example/123456789012.dkr.ecr.us-east-1.amazonaws.com",
    ],
)
def test_nobody_else_gets_ecrs_password(host: str) -> None:
    assert ecr_login(host) is None


def test_ecrs_password_is_in_no_argument(
    fake: FakeHelm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = helm_chart.RegistryLogin("registry.example.com", "AWS", "of-the-registry")
    helm = fake(f'echo "$@" > {tmp_path}/arguments; env > {tmp_path}/seen; exit 1')
    chart = Chart(reference="oci://registry.example.com/x", version="1.2.3")
    monkeypatch.setattr(helm_chart, "_FIRST_PAUSE_SECONDS", 0.01)
    with pytest.raises(ClusterError):
        ChartFetcher(helm, attempts=1).fetch(chart, login)
    assert "of-the-registry" not in (tmp_path / "arguments").read_text()
    assert "of-the-registry" not in (tmp_path / "seen").read_text()


def test_a_request_names_all_that_is_wrong_and_repeats_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = {
        "cluster_name": "--easel",
        "region": "us-east-1",
        "name": "Stand_In",
        "namespace": "easel",
        "chart": {"reference": "--post-renderer=sh"},
        "values": {"token": "hunter2"},
        "more": "hunter2",
    }
    monkeypatch.setenv(RELEASE_VARIABLE, json.dumps(request))
    with pytest.raises(RequestRefusedError) as error:
        read_request(UpgradeRequest, RELEASE_VARIABLE)
    for field in ("cluster_name", "name", "chart.reference", "more"):
        assert f"{field}: " in str(error.value)
    assert "hunter2" not in str(error.value)


def test_the_launcher_splits_its_words_and_nothing_else(tmp_path: Path) -> None:
    launcher = Path(__file__).resolve().parents[2] / "modules" / "helm-release" / "easel-deploy"
    program = tmp_path / "easel-of-the-test"
    program.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n')
    program.chmod(0o755)
    environment = {"EASEL_DEPLOY": str(program), "PATH": "/usr/bin:/bin"}
    said = subprocess.run(
        [launcher, "karpenter drain * $(id)"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        timeout=10,
    )
    assert said.stdout.splitlines() == ["karpenter", "drain", "*", "$(id)"]
