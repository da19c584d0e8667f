"""Fields that an API server fills in: of Deployments and pods, as far as the chart leaves them out.

Taken from the objects that a real 1.35.6 returned for what Helm had sent (trimmed in
``tests/data/cluster/deployment.json``). Defaults that no capture shows are not here.
"""

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]

_POD: Object = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
    "securityContext": {},
}
_CONTAINER: Object = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_PROBE: Object = {
    "failureThreshold": 3,
    "periodSeconds": 10,
    "successThreshold": 1,
    "timeoutSeconds": 1,
}
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_CONFIG_MAP_MODE = 0o644


def fill_defaults(one: Object) -> None:
    """Fills in what an object leaves out, in place. Other kinds stay as they are."""
    spec = one.get("spec")
    if not isinstance(spec, dict):
        return
    if one.get("kind") == "Pod":
        _fill_pod(spec)
    elif one.get("kind") == "Deployment":
        spec.setdefault("replicas", 1)
        spec.setdefault("progressDeadlineSeconds", 600)
        spec.setdefault("revisionHistoryLimit", 10)
        strategy = spec.setdefault("strategy", {"type": "RollingUpdate"})
        if strategy.get("type") == "RollingUpdate":
            rolling = strategy.setdefault("rollingUpdate", {})
            rolling.setdefault("maxSurge", "25%")
            rolling.setdefault("maxUnavailable", "25%")
        _fill_pod(spec.setdefault("template", {}).setdefault("spec", {}))


def _fill_pod(spec: Object) -> None:
    _fill(spec, _POD)
    if account := spec.get("serviceAccountName"):
        spec.setdefault("serviceAccount", account)
    for container in _containers(spec):
        _fill(container, _CONTAINER)
        container.setdefault("imagePullPolicy", _pull_policy(container.get("image", "")))
        for port in container.get("ports", ()):
            port.setdefault("protocol", "TCP")
        for probe in (container[name] for name in _PROBES if name in container):
            _fill(probe, _PROBE)
            if "httpGet" in probe:
                probe["httpGet"].setdefault("scheme", "HTTP")
    for volume in spec.get("volumes", ()):
        if "configMap" in volume:
            volume["configMap"].setdefault("defaultMode", _CONFIG_MAP_MODE)


def _containers(spec: Object) -> Iterator[Object]:
    for field in ("initContainers", "containers"):
        yield from spec.get(field) or ()


def _fill(one: Object, defaults: Object) -> None:
    for name, value in defaults.items():
        one.setdefault(name, value.copy() if isinstance(value, dict) else value)


def _pull_policy(image: str) -> str:
    tag = image.rpartition("/")[2].partition(":")[2]
    is_latest = "@" not in image and tag in {"", "latest"}
    return "Always" if is_latest else "IfNotPresent"
