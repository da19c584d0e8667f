"""modules/helm-release, applied for real: Terraform runs easel, which runs Helm.

The API server is the one in memory, over TLS and with EKS's tokens: that requests are made in the
right order and form is shown, not that pods run.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from easel_deploy.terraform_config import write_cli_config
from easel_local.kubernetes import KubernetesApi
from tests.integration.eks_stub import Clusters, described, eks_stub

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
SECRET = "hunter2-of-the-user"

MAIN = """
terraform {
  required_version = ">= 1.10"
}

variable "replicas" {
  type    = number
  default = 1
}

variable "namespace" {
  type    = string
  default = "easel"
}

variable "cluster_id" {
  type    = string
  default = "https://the-first"
}

module "release" {
  source = "./modules/helm-release"

  cluster_name      = "easel"
  cluster_id        = var.cluster_id
  region            = "us-east-1"
  name              = "stand-in"
  namespace         = var.namespace
  chart             = { reference = "./chart" }
  values            = { replicas = var.replicas }
  extra_values_yaml = "token: SECRET"
  timeout_seconds   = 60
}

output "release" {
  value = "${module.release.namespace}/${module.release.name}"
}
"""

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  annotations: { told: {{ .Values.token | sha256sum | quote }} }
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { app: x } }
  template:
    metadata: { labels: { app: x } }
    spec: { containers: [{ name: x, image: x }] }
"""


@dataclass
class ReleasedStack:
    """A root module with one release, and what it is applied to."""

    folder: Path
    environment: dict[str, str]
    api: KubernetesApi
    clusters: Clusters

    def terraform(self, *arguments: str, fails: bool = False) -> str:
        done = subprocess.run(
            ["terraform", *arguments, "-no-color"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert bool(done.returncode) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def apply(self, *arguments: str, fails: bool = False) -> str:
        return self.terraform("apply", "-auto-approve", "-input=false", *arguments, fails=fails)

    def planned(self) -> str:
        return self.terraform("plan", "-input=false")

    def revisions(self, namespace: str = "easel") -> list[str]:
        secrets = self.api.items(f"api/v1/namespaces/{namespace}/secrets")
        return sorted(secret["metadata"]["name"].rpartition(".v")[2] for secret in secrets)

    def deployments(self) -> list[dict[str, Any]]:
        return self.api.items("apis/apps/v1/deployments")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[KubernetesApi]:
    with KubernetesApi("easel", folder=tmp_path / "api", log_path=tmp_path / "api.log") as running:
        yield running


@pytest.fixture
def stack(tmp_path: Path, api: KubernetesApi) -> Iterator[ReleasedStack]:
    folder = tmp_path / "root"
    shutil.copytree(ROOT / "modules" / "helm-release", folder / "modules" / "helm-release")
    (folder / "main.tf").write_text(MAIN.replace("SECRET", SECRET))
    (folder / "chart" / "templates").mkdir(parents=True)
    (folder / "chart" / "Chart.yaml").write_text("{apiVersion: v2, name: x, version: 1.0.0}\n")
    (folder / "chart" / "templates" / "deployment.yaml").write_text(DEPLOYMENT)
    clusters = {"easel": described(api.url, api.ca_pem)}
    with eks_stub(clusters) as eks:
        foreign = ("AWS_", "EASEL_", "TF_")
        own = {name: one for name, one in os.environ.items() if not name.startswith(foreign)}
        stack = ReleasedStack(
            folder,
            own
            | {
                "AWS_SHARED_CREDENTIALS_FILE": str(api.credentials_path),
                "AWS_ENDPOINT_URL_EKS": eks,
                "AWS_CONFIG_FILE": os.devnull,
                "NO_PROXY": "127.0.0.1",
                "EASEL_DEPLOY": str(Path(sys.executable).with_name("easel-deploy")),
                "TF_CLI_CONFIG_FILE": str(write_cli_config(tmp_path / "cli")),
                "TF_IN_AUTOMATION": "1",
            },
            api,
            clusters,
        )
        stack.terraform("init", "-input=false")
        yield stack


def test_the_life_of_a_release(stack: ReleasedStack) -> None:
    said = stack.apply()
    assert "release stand-in: revision 1 is deployed" in said
    assert "easel/stand-in" in said
    (deployment,) = stack.deployments()
    uid = deployment["metadata"]["uid"]
    assert "No changes." in stack.planned()

    # Another value upgrades in place: only `upgrade` is replaced.
    said = stack.apply("-var", "replicas=2")
    assert "Plan: 1 to add, 0 to change, 1 to destroy." in said
    assert "terraform_data.upgrade must be replaced" in said
    assert "terraform_data.release must be" not in said
    assert "revision 2 is deployed" in said
    assert stack.revisions() == ["1", "2"]
    (deployment,) = stack.deployments()
    assert deployment["spec"]["replicas"] == 2
    assert deployment["metadata"]["uid"] == uid

    said = stack.terraform("destroy", "-auto-approve", "-var", "replicas=2")
    assert "release stand-in: uninstalled" in said
    assert stack.deployments() == []
    assert stack.revisions() == []


def test_a_changed_file_of_a_local_chart_upgrades(stack: ReleasedStack) -> None:
    stack.apply()
    template = stack.folder / "chart" / "templates" / "deployment.yaml"
    template.write_text(DEPLOYMENT.replace("image: x", "image: other"))
    assert "revision 2 is deployed" in stack.apply()
    (deployment,) = stack.deployments()
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "other"
    # Moved elsewhere, it is the same chart.
    (stack.folder / "moved").mkdir()
    (stack.folder / "chart").rename(stack.folder / "moved" / "chart")
    main = stack.folder / "main.tf"
    main.write_text(main.read_text().replace('"./chart"', '"./moved/chart"'))
    assert "No changes." in stack.planned()


def test_another_namespace_is_another_release(stack: ReleasedStack) -> None:
    stack.apply()
    said = stack.apply("-var", "namespace=other")
    assert "release stand-in: uninstalled" in said
    assert "release stand-in: revision 1 is deployed" in said
    assert [one["metadata"]["namespace"] for one in stack.deployments()] == ["other"]
    assert stack.revisions() == []
    assert stack.revisions("other") == ["1"]


def test_a_cluster_made_anew_gets_its_release_again(stack: ReleasedStack, tmp_path: Path) -> None:
    stack.apply()
    with KubernetesApi("easel", folder=tmp_path / "2nd", log_path=tmp_path / "2nd.log") as second:
        stack.clusters["easel"] = described(second.url, second.ca_pem)
        stack.environment["AWS_SHARED_CREDENTIALS_FILE"] = str(second.credentials_path)
        said = stack.apply("-var", "cluster_id=https://the-second")
        assert "nothing to uninstall: there is no such release" in said
        assert "revision 1 is deployed" in said
        assert len(second.items("apis/apps/v1/deployments")) == 1
        assert "No changes." in stack.terraform("plan", "-var", "cluster_id=https://the-second")


def test_destroy_goes_on_where_the_cluster_is_gone_or_not_there_yet(stack: ReleasedStack) -> None:
    stack.apply()
    # As while the same apply makes it anew.
    stack.clusters["easel"] = {"name": "easel", "status": "CREATING"}
    said = stack.terraform("destroy", "-auto-approve")
    assert "nothing to uninstall: Cluster easel in us-east-1 is still being made" in said
    stack.clusters["easel"] = described(stack.api.url, stack.api.ca_pem)
    stack.apply()
    del stack.clusters["easel"]
    said = stack.terraform("destroy", "-auto-approve")
    assert "nothing to uninstall: There is no cluster easel in us-east-1" in said


def test_a_release_that_failed_is_tried_again(stack: ReleasedStack) -> None:
    template = stack.folder / "chart" / "templates" / "deployment.yaml"
    template.write_text(DEPLOYMENT.replace("apps/v1", "apps/v0"))
    said = stack.apply(fails=True)
    assert "no matches for kind" in said
    assert "the release that brings them goes first" in said
    template.write_text(DEPLOYMENT)
    assert "is deployed" in stack.apply()
    assert len(stack.deployments()) == 1


def test_what_the_user_keeps_to_himself_is_nowhere_to_be_read(stack: ReleasedStack) -> None:
    arguments: set[str] = set()
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.005):
            for process in psutil.process_iter(["cmdline"]):
                arguments.update(process.info["cmdline"] or ())

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        said = stack.apply()
        plan = stack.folder / "plan"
        stack.terraform("plan", "-input=false", f"-out={plan}", "-var", "replicas=3")
    finally:
        done.set()
        watcher.join()
    shown = stack.terraform("show", "-json", str(plan))
    # What was looked at is what ran.
    assert {"upgrade", "--install", "--values"} <= arguments
    state = (stack.folder / "terraform.tfstate").read_text()
    assert json.loads(shown)["resource_changes"]
    # The plan's `configuration` is the root module's own text.
    of_resources = json.dumps(json.loads(shown)["resource_changes"])
    for text in (said, state, of_resources, " ".join(arguments)):
        assert SECRET not in text
    # Nor the token for the API server.
    assert "k8s-aws-v1" not in state + said + " ".join(arguments)
    # And it has arrived.
    (deployment,) = stack.deployments()
    assert len(deployment["metadata"]["annotations"]["told"]) == 64


def test_without_easel_it_says_what_to_do(stack: ReleasedStack) -> None:
    stack.environment["EASEL_DEPLOY"] = ""
    stack.environment["PATH"] = os.pathsep.join(
        folder
        for folder in stack.environment["PATH"].split(os.pathsep)
        if not Path(folder, "easel").exists()
    )
    said = stack.apply(fails=True)
    assert "export EASEL_DEPLOY=/path/to/easel-deploy" in said
