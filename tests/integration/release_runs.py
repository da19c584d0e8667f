"""Runs of `easel helm` on one release of an API server in memory."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from easel_local.kubernetes import KubernetesApi
from tests.integration.eks_stub import described, eks_stub

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
            [sys.executable, "-m", "easel_deploy.main", "helm", verb],
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


@contextmanager
def running_releases(folder: Path) -> Iterator[Releases]:
    """Starts an API server and a stand-in of EKS that leads to it, while the block runs."""
    chart = folder / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: x, version: 1.0.0}\n")
    scratch = folder / "scratch"
    scratch.mkdir()
    with (
        KubernetesApi("easel", folder=folder / "api", log_path=folder / "api.log") as api,
        eks_stub({"easel": described(api.url, api.ca_pem)}) as eks,
    ):
        foreign = ("AWS_", "EASEL_")
        own = {name: one for name, one in os.environ.items() if not name.startswith(foreign)}
        aws = {
            "AWS_SHARED_CREDENTIALS_FILE": str(api.credentials_path),
            "AWS_ENDPOINT_URL_EKS": eks,
            "AWS_CONFIG_FILE": os.devnull,
        }
        yield Releases(chart, own | aws | {"TMPDIR": str(scratch), "NO_PROXY": "127.0.0.1"}, api)
