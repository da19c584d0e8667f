"""Looks whether KEDA scales what a release declares. Why: docs/adr/0049.

Seen with real KEDA 2.18.1: with a queue that cannot be read a ScaledObject stays Ready, and with an
operator that does not run Helm says "deployed" all the same; both leave a new Deployment's one
replica, and its GPU node, where they are. What tells are an event on the ScaledObject, the HPA, and
the status.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from easel_deploy.cluster.access import Say
from easel_deploy.cluster.errors import ClusterError, NotFoundError
from easel_deploy.cluster.kubernetes_client import KubernetesClient, Object
from easel_deploy.cluster.release_manifest import Declared

_LOOK_SECONDS = 2.0
_TAKE_OVER_SECONDS = 60.0
"""For KEDA to take up a new ScaledObject; seen: 0.6 s."""
_PATIENCE_SECONDS = 90.0
"""For which reading may fail: a new role or policy is not known everywhere at once."""
_MARGIN_SECONDS = 5.0
"""Over KEDA's polling interval: the time in which a failure would show again."""
_POLLING_SECONDS = 30
"""KEDA's own default."""
_FAILED = "KEDAScalerFailed"
_GROUP = "keda.sh/"
_MOST_CHARACTERS = 600


@dataclass(frozen=True)
class _Scaled:
    """A ScaledObject of the release."""

    namespace: str
    name: str

    @property
    def path(self) -> str:
        return f"apis/keda.sh/v1alpha1/namespaces/{self.namespace}/scaledobjects/{self.name}"


class ReleaseScaling:
    """The ScaledObjects of one release."""

    def __init__(self, client: KubernetesClient, declared: Iterable[Declared], say: Say) -> None:
        """Prepares; calls nothing.

        Args:
            client: of the cluster.
            declared: the objects of the release's manifest.
            say: prints a line of progress.
        """
        self._client = client
        self._say = say
        self._scaled = [
            _Scaled(one.namespace, one.name)
            for one in declared
            if one.kind == "ScaledObject" and one.api_version.startswith(_GROUP)
        ]

    def check(self) -> None:
        """Waits until KEDA has taken up each of them, and has read its triggers for one interval.

        Raises:
            ClusterError: KEDA did not, or cannot; the message says which queue and role, and what
                to do. A replica that nobody asked for is taken back first. Or the API server
                refuses.
        """
        for scaled in self._scaled:
            live = self._await_taken_up(scaled)
            if not _holds(live, "Paused"):
                self._await_readings(scaled, live)

    def _await_taken_up(self, scaled: _Scaled) -> Object:
        deadline = time.monotonic() + _TAKE_OVER_SECONDS
        while True:
            live = self._client.get(scaled.path)
            if _holds(live, "Paused") or (_holds(live, "Ready") and self._has_autoscaler(live)):
                return live
            if time.monotonic() >= deadline:
                raise ClusterError(self._not_taken_up(scaled, live) + self._take_back(scaled, live))
            time.sleep(_LOOK_SECONDS)

    def _await_readings(self, scaled: _Scaled, live: Object) -> None:
        interval = live["spec"].get("pollingInterval", _POLLING_SECONDS) + _MARGIN_SECONDS
        started = quiet_since = time.monotonic()
        last = self._failures(scaled)
        if last:
            self._say(f"KEDA could not read a trigger of {scaled.name}: looking again")
        while time.monotonic() - quiet_since < interval:
            time.sleep(_LOOK_SECONDS)
            live = self._client.get(scaled.path)
            now = self._failures(scaled)
            if now != last or _is_failing(live):
                last, quiet_since = now, time.monotonic()
            if quiet_since - started >= _PATIENCE_SECONDS:
                words = self._unreadable(scaled, live, last)
                raise ClusterError(words + self._take_back(scaled, live))

    def _has_autoscaler(self, live: Object) -> bool:
        name = live.get("status", {}).get("hpaName")
        namespace = live["metadata"]["namespace"]
        path = f"apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers/{name}"
        try:
            return bool(name) and bool(self._client.get(path))
        except NotFoundError:
            return False

    def _failures(self, scaled: _Scaled) -> dict[str, tuple[str, str]]:
        """KEDA's complaints: count with time, and message, of each event."""
        events = self._client.items(
            f"api/v1/namespaces/{scaled.namespace}/events",
            fieldSelector=f"involvedObject.kind=ScaledObject,involvedObject.name={scaled.name}",
        )
        return {
            str(one["metadata"]["name"]): (
                f"{one.get('count')} {one.get('lastTimestamp')} {one.get('series')}",
                str(one.get("message", ""))[:_MOST_CHARACTERS],
            )
            for one in events
            if one.get("reason") == _FAILED
        }

    def _take_back(self, scaled: _Scaled, live: Object) -> str:
        """Ends the replica that a new Deployment has by default, where KEDA would have ended it."""
        spec = live["spec"]
        # Of one that KEDA found active once the pods may be at work.
        if spec.get("minReplicaCount", 0) or live.get("status", {}).get("lastActiveTime"):
            return ""
        target = spec["scaleTargetRef"]
        if target.get("kind", "Deployment") != "Deployment":
            return ""
        path = f"apis/apps/v1/namespaces/{scaled.namespace}/deployments/{target['name']}"
        try:
            self._client.set_replicas(path, 0)
        except ClusterError as error:
            return (
                f"\nIts Deployment keeps its replica, and with it a node ({error}): `kubectl -n "
                f"{scaled.namespace} scale deployment {target['name']} --replicas 0` ends it."
            )
        return "\nIts Deployment was set to 0 replicas, so that no node runs for nothing."

    def _not_taken_up(self, scaled: _Scaled, live: Object) -> str:
        said = next(
            (one.get("message", "") for one in _conditions(live) if one["type"] == "Ready"), ""
        )
        return (
            f"Helm calls the release deployed, but KEDA has not taken up its ScaledObject "
            f"{scaled.name} within {_TAKE_OVER_SECONDS:.0f} s"
            f"{f' and says: {str(said)[:_MOST_CHARACTERS]}' if said else ''}: nothing would start "
            "pods for its tasks. Look whether KEDA runs (`kubectl -n keda get pods`, `kubectl -n "
            "keda logs deployment/keda-operator`), then apply again."
        )

    def _unreadable(
        self, scaled: _Scaled, live: Object, failures: dict[str, tuple[str, str]]
    ) -> str:
        messages = sorted({message for _, message in failures.values()})
        return (
            f"Helm calls the release deployed, but KEDA cannot read the queue by which it scales "
            f"{scaled.name}: nothing would start pods for its tasks.\n"
            f"Queue: {', '.join(_queues(live)) or 'none is named in its triggers'}. Role: "
            f"{self._role(scaled, live)}.\n"
            f"KEDA says: {messages[0] if messages else 'its trigger is failing, see `status`'}\n"
            "See that the queue is there, that the role may sqs:GetQueueAttributes on it (modules/"
            "keda, queue_arns) and that the nodes of KEDA reach SQS (`kubectl -n keda logs "
            "deployment/keda-operator`); then apply again."
        )

    def _role(self, scaled: _Scaled, live: Object) -> str:
        for trigger in live["spec"].get("triggers", []):
            name = trigger.get("authenticationRef", {}).get("name")
            path = scaled.path.replace("/scaledobjects/", "/triggerauthentications/")
            try:
                found = self._client.get(f"{path.rpartition('/')[0]}/{name}") if name else {}
            except ClusterError:
                continue
            if role := found.get("spec", {}).get("podIdentity", {}).get("roleArn"):
                return str(role)
        return "the one of KEDA's operator (pod identity of keda/keda-operator)"


def _conditions(live: Object) -> list[Object]:
    return live.get("status", {}).get("conditions") or []


def _holds(live: Object, condition: str) -> bool:
    return any(one["type"] == condition and one["status"] == "True" for one in _conditions(live))


def _is_failing(live: Object) -> bool:
    """Whether the status says so; it does while the HPA asks, which it does not at zero."""
    health = (live.get("status", {}).get("health") or {}).values()
    return _holds(live, "Fallback") or any(one.get("status") == "Failing" for one in health)


def _queues(live: Object) -> list[str]:
    found = (one.get("metadata", {}).get("queueURL") for one in live["spec"].get("triggers", []))
    return [str(one) for one in found if one]
