"""Runs of `easel helm upgrade` that end in the middle, and the next one, which goes on."""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.integration.release_runs import NEVER_READY, Releases, await_that, running_releases

pytestmark = pytest.mark.integration


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[Releases]:
    with running_releases(tmp_path) as running:
        yield running


def test_a_first_installation_that_was_killed_is_begun_anew(releases: Releases) -> None:
    process, helm = releases.start_waiting()
    helm.kill()
    process.communicate(timeout=60)
    assert process.returncode == 1
    assert releases.statuses() == ["pending-install"]

    said = releases.run("upgrade")
    assert "pending-install, as a run that did not end well leaves it: uninstalling" in said
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
