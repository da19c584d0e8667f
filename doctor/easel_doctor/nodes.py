"""Nodes: those that are there, and those that Karpenter cannot get."""

from collections.abc import Iterator

from easel_doctor.cluster import ClusterObjects, Object, condition, name_of
from easel_doctor.finding import Finding, Problem, fail, found, unchecked, warn

_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure")
_KARPENTERS = "karpenter.sh/nodepool"
"""Label of the nodes that runtimes run on."""
_CLAIM_CONDITIONS = ("Launched", "Registered", "Initialized")


def look_at_nodes(objects: ClusterObjects, *, is_emulated: bool = False) -> Finding:
    """Looks at nodes, NodePools and NodeClaims.

    Args:
        objects: of the cluster.
        is_emulated: whether the cluster is an API server alone, and never has a node.
    """
    problems: list[Problem] = []
    for node in objects.nodes:
        problems += _node_problems(node)
    for pool in objects.node_pools:
        if (ready := condition(pool, "Ready")).get("status") == "False":
            name = name_of(pool)
            text = f"NodePool {name} cannot make nodes: {ready.get('message')}"
            problems.append(fail(text, f"kubectl describe nodepool,ec2nodeclass {name}"))
    for claim in objects.node_claims:
        problems += _claim_problems(claim)
    if not objects.nodes and is_emulated:
        remedy = "Nothing: processes on this machine stand in for the runtimes' pods."
        problems.append(unchecked("no node runs on an emulator", remedy))
    elif not objects.nodes:
        text = "the cluster has no node: its controllers do not run"
        problems.append(fail(text, "aws eks list-nodegroups --cluster-name ... and their health"))
    gpu = sum(_KARPENTERS in _labels(node) for node in objects.nodes)
    return found(f"{len(objects.nodes) - gpu} for controllers, {gpu} of Karpenter's", problems)


def _node_problems(node: Object) -> Iterator[Problem]:
    name = name_of(node)
    look = f"kubectl describe node {name}"
    ready = condition(node, "Ready")
    if ready.get("status") != "True":
        yield fail(f"node {name} is not ready: {ready.get('message', 'it says nothing')}", look)
    for pressure in _PRESSURES:
        if condition(node, pressure).get("status") == "True":
            yield warn(f"node {name} has {pressure}", look)


def _claim_problems(claim: Object) -> Iterator[Problem]:
    name = name_of(claim)
    for kind in _CLAIM_CONDITIONS:
        found_one = condition(claim, kind)
        message = str(found_one.get("message") or "")
        # Unknown, too: Karpenter says so while EC2 refuses.
        if found_one.get("status") in ("False", "Unknown") and message:
            text = f"NodeClaim {name} is not {kind.lower()}: {message}"
            yield warn(text, f"kubectl describe nodeclaim {name}; quotas: easel doctor --before")
            return


def _labels(node: Object) -> dict[str, str]:
    return dict(node["metadata"].get("labels") or {})
