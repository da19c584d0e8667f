"""`easel-deploy helm upgrade` and `uninstall`: what Terraform's module helm-release runs."""

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from easel_contract.plain_text import printable_lines
from easel_deploy.cluster.access import ClusterAccess, Say, cluster_access
from easel_deploy.cluster.errors import ClusterError, ClusterGoneError
from easel_deploy.cluster.helm_chart import ChartFetcher
from easel_deploy.cluster.helm_process import Helm, HelmFailedError
from easel_deploy.cluster.model_volumes import ModelVolumes
from easel_deploy.cluster.release_manifest import Declared, read_manifests
from easel_deploy.cluster.release_objects import ReleaseObjects, await_gone
from easel_deploy.cluster.release_scaling import ReleaseScaling
from easel_deploy.cluster.request import ReleaseRequest, UpgradeRequest, read_request
from easel_deploy.helm_binary import HelmMissingError, find_helm
from easel_deploy.request_variables import RELEASE_VARIABLE

_ROOT = Path(__file__).resolve().parents[3]
_HISTORY = 5
_CALL_SECONDS = 60
_MARGIN_SECONDS = 60
"""Over Helm's own time limit, before it is ended from outside."""

_REMOVED = {"uninstalling", "uninstalled"}
"""While a release is removed: Helm has not deleted all yet, or easel has not seen it all gone."""
_NO_RELEASE = "release: not found"


def upgrade(_: argparse.Namespace) -> int:
    """Carries out `easel-deploy helm upgrade`: installs a release, or upgrades it in place.

    Raises:
        easel_deploy.cluster.errors.RequestRefusedError: the environment holds no whole request.
        ClusterError: it failed; the message says what to do.
    """
    request = read_request(UpgradeRequest, RELEASE_VARIABLE)
    say = _speaker(request)
    started = time.monotonic()
    with cluster_access(request, say) as access:
        helm = _helm(access, say)
        chart = ChartFetcher(helm).fetch(request.chart)
        _Release(request, helm, access).upgrade(request, chart)
    say(f"done ({time.monotonic() - started:.0f} s)")
    return 0


def uninstall(_: argparse.Namespace) -> int:
    """Carries out `easel-deploy helm uninstall`; what is not there is as good as uninstalled.

    Raises:
        easel_deploy.cluster.errors.RequestRefusedError: the environment holds no whole request.
        ClusterError: it failed; the message says what to do.
    """
    request = read_request(ReleaseRequest, RELEASE_VARIABLE)
    say = _speaker(request)
    try:
        with cluster_access(request, say) as access:
            _Release(request, _helm(access, say), access).uninstall()
    except ClusterGoneError as gone:
        say(f"nothing to uninstall: {gone}")
    return 0


class _Release:
    """One release in a cluster that answers."""

    def __init__(self, request: ReleaseRequest, helm: Helm, access: ClusterAccess) -> None:
        self._name = request.name
        self._namespace = request.namespace
        self._seconds = request.timeout_seconds
        self._helm = helm
        self._client = access.client
        self._folder = access.folder
        self._volumes = ModelVolumes(access.client, request.name, request.namespace)
        self._there = ["--namespace", request.namespace, "--kubeconfig", str(access.kubeconfig)]

    def upgrade(self, request: UpgradeRequest, chart: str) -> None:
        """Makes the release what the request says."""
        self._recover()
        # Helm would take a claim that is being deleted for the one that the release wants.
        await_gone(self._volumes.going, self._helm.say, self._seconds)
        values = self._folder / "values.json"
        values.touch(0o600)
        values.write_text(json.dumps(request.values))
        options = ["--values", str(values)]
        if request.extra_values_yaml.strip():
            # By standard input: it may hold secrets, and a folder stays behind after a SIGKILL.
            options += ["--values", "-"]
        if request.skip_crds:
            options += ["--skip-crds"]
        command = ["upgrade", "--install", self._name, chart, "--create-namespace", *options]
        command += ["--history-max", str(_HISTORY), "--wait"]
        said = self._run(command, "upgrading", request.extra_values_yaml)
        revision = re.search(r"^REVISION: (\d+)", said, re.MULTILINE)
        declared = read_manifests([self._ask(["get", "manifest", self._name])], self._namespace)
        self._look_after_volumes(declared)
        ReleaseScaling(self._client, declared, self._helm.say).check()
        self._helm.say(f"revision {revision[1] if revision else '?'} is deployed")

    def _look_after_volumes(self, declared: list[Declared]) -> None:
        self._volumes.check(declared)
        unused = self._volumes.delete_unused(declared)
        if unused:
            self._helm.say(f"deleted what no pod mounts any more: {', '.join(unused)}")

    def uninstall(self) -> None:
        """Removes the release, and waits until its objects and pods are gone."""
        history = self._history()
        if history:
            self._remove(history)
            self._helm.say("uninstalled")
            return
        # Somebody may have uninstalled it by hand, a moment ago.
        self._volumes.delete()
        await_gone(self._left(self._objects(history)), self._helm.say, self._seconds)
        self._helm.say("nothing to uninstall: there is no such release")

    def _remove(self, history: list[dict[str, Any]]) -> None:
        """Helm keeps its record until all is gone: what is left to wait for is known by it."""
        started = time.monotonic()
        objects = self._objects(history)
        if history[-1]["status"] != "uninstalled":
            try:
                # Never --ignore-not-found: it takes a history that cannot be read for none.
                self._run(["uninstall", self._name, "--keep-history"], "uninstalling")
            except ClusterError as error:
                raise ClusterError(f"{error}{_kinds_that_are_gone(objects)}") from error
        forgotten = [*objects.delete_forgotten(), *self._volumes.delete()]
        if forgotten:
            self._helm.say(f"deleted what Helm has left: {', '.join(forgotten)}")
        left_seconds = self._seconds - (time.monotonic() - started)
        await_gone(self._left(objects), self._helm.say, left_seconds)
        self._run(["uninstall", self._name], "uninstalling")

    def _left(self, objects: ReleaseObjects) -> Callable[[], list[str]]:
        return lambda: [*objects.left(), *self._volumes.left()]

    def _objects(self, history: list[dict[str, Any]]) -> ReleaseObjects:
        manifests = [
            self._ask(["get", "manifest", self._name, "--revision", str(one["revision"])])
            for one in history
        ]
        declared = read_manifests(manifests, self._namespace)
        return ReleaseObjects(self._client, self._name, self._namespace, declared)

    def _recover(self) -> None:
        """Ends what a run that was killed has left in the middle; Helm refuses to go on from it."""
        history = self._history()
        status = history[-1]["status"] if history else ""
        if not status.startswith("pending-") and status not in _REMOVED:
            return
        ran = last_that_ran(history)
        if ran is not None and status not in _REMOVED:
            self._helm.say(
                f"revision {history[-1]['revision']} is {status}, as a run that was killed leaves "
                f"it: rolling back to revision {ran} first"
            )
            self._run(["rollback", self._name, str(ran)], "rolling back")
        else:
            self._helm.say(
                f"the release is {status}, as a run that did not end well leaves it: uninstalling "
                "what there is of it first"
            )
            self._remove(history)

    def _history(self) -> list[dict[str, Any]]:
        """The release's revisions, the oldest first; none where there is no release."""
        try:
            said = self._ask(["history", self._name, "--output", "json", "--max", "256"])
        except ClusterError as error:
            if _NO_RELEASE in str(error):
                return []
            raise
        history: list[dict[str, Any]] = json.loads(said)
        return history

    def _ask(self, command: list[str]) -> str:
        try:
            return self._helm.run([*command, *self._there], limit_seconds=_CALL_SECONDS)
        except HelmFailedError as error:
            raise _explained(error) from error

    def _run(self, command: list[str], doing: str, stdin: str = "") -> str:
        options = [*self._there, "--timeout", f"{self._seconds}s"]
        try:
            return self._helm.run(
                [*command, *options],
                limit_seconds=self._seconds + _MARGIN_SECONDS,
                doing=f"still {doing}",
                stdin=stdin,
            )
        except HelmFailedError as error:
            raise _explained(error) from error


def last_that_ran(history: list[dict[str, Any]]) -> int | None:
    """Returns the newest revision that was deployed as a whole; None where none was.

    Helm calls a revision superseded as well that a failed rollback was to replace, whether it ever
    ran or not: such a one counts only where Helm was killed between superseding the revision that
    ran and calling the next one deployed.
    """
    for status in ("deployed", "superseded"):
        revisions = [int(one["revision"]) for one in history if one["status"] == status]
        if revisions:
            return revisions[-1]
    return None


def _kinds_that_are_gone(objects: ReleaseObjects) -> str:
    # Helm itself tells only that it failed.
    try:
        kinds = objects.unknown_kinds()
    except ClusterError:
        return ""
    if not kinds:
        return ""
    return (
        f"\nThe API server does not serve {', '.join(kinds)}: CRDs were deleted before what is of "
        "their kinds was uninstalled, and Helm uninstalls nothing of a release that has such "
        "objects. Install the CRDs again (`make apply` does), then run this again."
    )


def _explained(error: HelmFailedError) -> ClusterError:
    said = str(error)
    hint = ""
    if re.search(r"context deadline exceeded|timed out waiting|not ready", said):
        hint = (
            "\nNot everything became ready in time. `kubectl get pods,events` in the namespace "
            "shows why. Another apply tries again."
        )
    elif re.search(r"forbidden", said, re.IGNORECASE):
        hint = (
            "\nThe cluster knows these AWS credentials, but their access entry allows too little: "
            'releases need policy = "cluster-admin", without namespaces, in terraform.tfvars: '
            'cluster = { access_entries = { me = { principal_arn = "<ARN>", '
            'policy = "cluster-admin" } }, ... }'
        )
    elif "no matches for kind" in said:
        hint = "\nThe CRDs of that kind are not installed: the release that brings them goes first."
    return ClusterError(said + hint)


def _helm(access: ClusterAccess, say: Say) -> Helm:
    tools = Path(os.environ.get("EASEL_HOME") or _ROOT / ".easel") / "tools"
    try:
        return Helm(find_helm(tools), access.folder / "helm", say)
    except HelmMissingError as error:
        raise ClusterError(str(error)) from error


def _speaker(request: ReleaseRequest) -> Callable[[str], None]:
    def say(text: str) -> None:
        sys.stdout.write(printable_lines(f"release {request.name}: {text}\n"))
        sys.stdout.flush()

    return say
