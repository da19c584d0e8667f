"""Runs of `easel helm upgrade` that end in the middle, and the next one, which goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from easel_local.kubernetes import KubernetesApi
from tests.integration.eks_stub import described, eks_stub

pytestmark = pytest.mark.integration

READY = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: stand-in }\n"
# Nothing runs it, so it is never ready.
NEVER_READY = "apiVersion: v1\nkind: Pod\nmetadata: { name: stand-in }\nspec: { containers: [] }\n"


def await_that(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


@dataclass
class Releases:
    """Runs easel on one release."""

    folder: Path
    environment: dict[str, str]
    api: KubernetesApi

    def start(self, verb: str, template: str = READY, seconds: int = 60) -> "subprocess.Popen[str]":
        request: dict[str, Any] = {
            "cluster_name": "easel",
            "region": "us-east-1",
            "name": "stand-in",
            "namespace": "easel",
            "timeout_seconds": seconds,
        }
        if verb == "upgrade":
            (self.folder / "templates" / "all.yaml").write_text(template)
            request["chart"] = {"reference": str(self.folder)}
        return subprocess.Popen(
            [sys.executable, "-m", "easel_cli.main", "helm", verb],
            env=self.environment | {"EASEL_RELEASE": json.dumps(request)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, verb: str, template: str = READY, seconds: int = 60, status: int = 0) -> str:
        with self.start(verb, template, seconds) as process:
            said, _ = process.communicate(timeout=120)
        assert process.returncode == status, said
        return said

    def start_waiting(self) -> "tuple[subprocess.Popen[str], psutil.Process]":
        """Starts an upgrade that waits for what never comes; returns it and its helm."""
        process = self.start("upgrade", NEVER_READY)
        await_that(lambda: self.items("pods"))
        children = psutil.Process(process.pid).children(recursive=True)
        (helm,) = [child for child in children if "upgrade" in child.cmdline()]
        return process, helm

    def items(self, plural: str) -> list[dict[str, Any]]:
        return self.api.items(f"api/v1/namespaces/easel/{plural}")

    def statuses(self) -> list[str]:
        return [secret["metadata"]["labels"]["status"] for secret in self.items("secrets")]


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[Releases]:
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: x, version: 1.0.0}\n")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with (
        KubernetesApi("easel", folder=tmp_path / "api", log_path=tmp_path / "api.log") as api,
        eks_stub({"easel": described(api.url, api.ca_pem)}) as eks,
    ):
        foreign = ("AWS_", "EASEL_")
        own = {name: one for name, one in os.environ.items() if not name.startswith(foreign)}
        aws = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL_EKS": eks,
            "AWS_CONFIG_FILE": os.devnull,
        }
        yield Releases(chart, own | aws | {"TMPDIR": str(scratch), "NO_PROXY": "127.0.0.1"}, api)


def test_a_first_installation_that_was_killed_is_begun_anew(releases: Releases) -> None:
    process, helm = releases.start_waiting()
    helm.kill()
    process.communicate(timeout=60)
    assert process.returncode == 1
    assert releases.statuses() == ["pending-install"]

    said = releases.run("upgrade")
    assert "pending-install, as a run that was killed leaves it: uninstalling" in said
    assert "revision 1 is deployed" in said
    assert releases.items("pods") == []
    assert releases.statuses() == ["deployed"]


def test_an_upgrade_that_was_killed_is_rolled_back_first(releases: Releases) -> None:
    releases.run("upgrade")
    process, helm = releases.start_waiting()
    helm.kill()
    process.communicate(timeout=60)
    assert releases.statuses() == ["deployed", "pending-upgrade"]

    said = releases.run("upgrade")
    assert "revision 2 is pending-upgrade" in said
    assert "rolling back to revision 1 first" in said
    assert "revision 4 is deployed" in said
    assert len(releases.items("configmaps")) == 1
    assert releases.items("pods") == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_helm_in_order(releases: Releases, number: signal.Signals) -> None:
    process, helm = releases.start_waiting()
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in said
    assert not helm.is_running()
    # Helm has written down what became of it, and nothing lies about.
    assert releases.statuses() == ["failed"]
    assert list(Path(releases.environment["TMPDIR"]).iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_helm_does_not_outlive_an_easel_that_was_killed(releases: Releases) -> None:
    process, helm = releases.start_waiting()
    process.kill()
    process.communicate(timeout=60)
    await_that(lambda: not helm.is_running() or helm.status() == psutil.STATUS_ZOMBIE)
    # Else it and the next run would be at the same release.
    assert "is deployed" in releases.run("upgrade")


def test_what_does_not_become_ready_is_said(releases: Releases) -> None:
    said = releases.run("upgrade", NEVER_READY, seconds=3, status=1)
    assert "stand-in" in said
    assert "kubectl get pods,events" in said
    assert "revision 2 is deployed" in releases.run("upgrade")


def test_uninstalling_goes_on_after_anything(releases: Releases) -> None:
    process, helm = releases.start_waiting()
    helm.kill()
    process.communicate(timeout=60)
    assert "uninstalled" in releases.run("uninstall")
    assert releases.items("pods") == []
    assert releases.items("secrets") == []
    assert "there is no such release" in releases.run("uninstall")


def test_without_helm_it_is_said(releases: Releases, tmp_path: Path) -> None:
    # A helm that is too old, and no way to the pinned one.
    tools = tmp_path / "bin"
    tools.mkdir()
    old = tools / "helm"
    old.write_text("#!/bin/sh\necho v2.17.0\n")
    old.chmod(0o755)
    releases.environment |= {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "EASEL_HOME": str(tmp_path / "home"),
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "",
        "PIP_CACHE_DIR": str(tmp_path / "cache"),
    }
    assert shutil.which("helm", path=releases.environment["PATH"]) == str(old)
    said = releases.run("upgrade", status=1)
    assert "install helm 3.14 or newer" in said
