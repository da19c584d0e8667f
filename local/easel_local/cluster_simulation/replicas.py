"""Deployments and ReplicaSets: as many pods as are wanted, and which of them go first.

Read in Kubernetes: ``ActivePodsWithRanks`` of ``pkg/controller/controller_utils.go`` (not on a
node, not ready, lower deletion cost, ready for a shorter time, newer: these go first). A changed
template makes a second ReplicaSet, whose pods come within ``maxSurge`` and take over as they get
ready (``maxUnavailable`` 0, as the chart has it; other values are not simulated).
"""

import hashlib
import itertools
import json
import math

from easel_local.cluster_simulation.cluster import Cluster, is_going, name_of
from easel_local.kubernetes import Object
from easel_local.kubernetes.budgets import is_ready

_COST = "controller.kubernetes.io/pod-deletion-cost"
_ENDED = {"Succeeded", "Failed"}


class Replicas:
    """The controllers of Deployments and ReplicaSets."""

    def __init__(self, cluster: Cluster) -> None:
        """Works on a cluster."""
        self._cluster = cluster
        self._numbers = itertools.count(1)

    def react(self) -> None:
        """Makes and deletes pods."""
        for deployment in self._cluster.of("Deployment"):
            current = self._current(deployment)
            old = [one for one in self._sets(deployment) if name_of(one) != name_of(current)]
            self._share(deployment, current, old)
            self._count(deployment)
        for one in self._cluster.of("ReplicaSet"):
            self._scale(one)

    def _current(self, deployment: Object) -> Object:
        template = deployment["spec"]["template"]
        text = json.dumps(template, sort_keys=True).encode()
        name = f"{name_of(deployment)}-{hashlib.sha256(text).hexdigest()[:8]}"
        found = self._cluster.find("ReplicaSet", name)
        return found or self._cluster.create(
            "ReplicaSet",
            name,
            {
                "apiVersion": "apps/v1",
                "metadata": {"ownerReferences": [_owned_by(deployment)]},
                "spec": {"replicas": 0, "template": template},
            },
            deployment["metadata"]["namespace"],
        )

    def _sets(self, deployment: Object) -> list[Object]:
        uid = deployment["metadata"]["uid"]
        return [
            one
            for one in self._cluster.of("ReplicaSet")
            if any(owner["uid"] == uid for owner in one["metadata"]["ownerReferences"])
        ]

    def _share(self, deployment: Object, current: Object, old: list[Object]) -> None:
        wanted = int(deployment["spec"]["replicas"])
        of_old = sum(len(self.active(one)) for one in old)
        surge = _surge(deployment, wanted)
        self._set(current, min(wanted, wanted + surge - of_old))
        left = max(wanted - sum(is_ready(pod) for pod in self.active(current)), 0)
        for one in old:
            keep = min(len(self.active(one)), left)
            self._set(one, keep)
            left -= keep

    def _set(self, one: Object, replicas: int) -> None:
        if one["spec"]["replicas"] != replicas:
            self._cluster.merge(one, {"spec": {"replicas": replicas}})

    def _count(self, deployment: Object) -> None:
        pods = [pod for one in self._sets(deployment) for pod in self.active(one)]
        status = {"replicas": len(pods), "readyReplicas": sum(is_ready(pod) for pod in pods)}
        if deployment.get("status") != status:
            self._cluster.merge(deployment, {"status": status})

    def active(self, one: Object) -> list[Object]:
        """Returns the pods of a ReplicaSet that count: neither deleted nor ended."""
        return [
            pod
            for pod in self._cluster.of("Pod")
            if any(
                owner["uid"] == one["metadata"]["uid"]
                for owner in pod["metadata"].get("ownerReferences", ())
            )
            and not is_going(pod)
            and pod["status"]["phase"] not in _ENDED
        ]

    def _scale(self, one: Object) -> None:
        active, wanted = self.active(one), one["spec"]["replicas"]
        for _ in range(wanted - len(active)):
            self._make_pod(one)
        for pod in sorted(active, key=_leaves_first)[: max(len(active) - wanted, 0)]:
            self._cluster.delete(pod)

    def _make_pod(self, one: Object) -> None:
        template = one["spec"]["template"]
        metadata = template["metadata"] | {"ownerReferences": [_owned_by(one)]}
        self._cluster.create(
            "Pod",
            f"{name_of(one)}-{next(self._numbers)}",
            {
                "apiVersion": "v1",
                "metadata": json.loads(json.dumps(metadata)),
                "spec": json.loads(json.dumps(template["spec"])),
                "status": {"phase": "Pending"},
            },
            one["metadata"]["namespace"],
        )


def _surge(deployment: Object, wanted: int) -> int:
    most = deployment["spec"]["strategy"].get("rollingUpdate", {}).get("maxSurge", "25%")
    if isinstance(most, int):
        return most
    return math.ceil(int(most.removesuffix("%")) * wanted / 100)


def _owned_by(owner: Object) -> Object:
    metadata = owner["metadata"]
    named = {"kind": owner["kind"], "name": metadata["name"], "uid": metadata["uid"]}
    return named | {"controller": True}


def _leaves_first(pod: Object) -> tuple[bool, bool, int, int]:
    cost = int(pod["metadata"].get("annotations", {}).get(_COST, "0"))
    return (
        bool(pod["spec"].get("nodeName")),
        is_ready(pod),
        cost,
        -int(pod["metadata"]["uid"][-12:]),
    )
