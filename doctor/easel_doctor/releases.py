"""The releases in the cluster, and whether KEDA scales the runtimes."""

from collections.abc import Iterator

from easel_doctor.cluster import ClusterObjects, Object, condition, name_of
from easel_doctor.finding import Finding, Problem, fail, found, warn
from easel_doctor.subject import Subject

_DEPLOYED = "deployed"
_SUPERSEDED = "superseded"
_CONTROLLERS = (("kube-system", "karpenter-crd"), ("kube-system", "karpenter"), ("keda", "keda"))
"""Namespaces and names of the releases of modules/eks-karpenter and modules/keda."""


def look_at_releases(subject: Subject, objects: ClusterObjects) -> Finding:
    """Compares Helm's releases with those that the stack is made of."""
    newest = _newest(objects.releases)
    wanted = [*_CONTROLLERS, *_runtimes(subject)]
    again = f"make apply {subject.make_words}"
    problems = []
    for place in wanted:
        words = "/".join(place)
        if place not in newest:
            problems.append(fail(f"release {words} is not there", again))
            continue
        revision, status = newest[place]
        if status == _DEPLOYED:
            continue
        text = f"release {words} is {status} (revision {revision})"
        make = warn if status.startswith("pending") else fail
        problems.append(make(text, f"{again}; helm -n {place[0]} history {place[1]} says more."))
    good = sum(newest.get(place, (0, ""))[1] == _DEPLOYED for place in wanted)
    return found(f"{good} of {len(wanted)} deployed", problems)


def look_at_scaling(subject: Subject, objects: ClusterObjects) -> Finding:
    """Looks whether KEDA reads each runtime's queue."""
    problems = [
        problem for one in objects.scaled_objects for problem in _scaling_problems(one, objects)
    ]
    if not objects.scaled_objects:
        text = "the cluster has no ScaledObject: no runtime is scaled on its queue"
        problems.append(warn(text, f"make apply {subject.make_words}, unless values say so."))
    return found(f"{len(objects.scaled_objects)} ScaledObjects", problems)


def _scaling_problems(one: Object, objects: ClusterObjects) -> Iterator[Problem]:
    name = name_of(one)
    namespace, short = one["metadata"]["namespace"], one["metadata"]["name"]
    look = f"kubectl -n {namespace} describe scaledobject {short}"
    ready, fallback = condition(one, "Ready"), condition(one, "Fallback")
    if ready.get("status") == "False":
        yield fail(f"KEDA does not scale {name}: {ready.get('message')}", look)
    if fallback.get("status") == "True":
        text = f"KEDA cannot read the queue of {name} and keeps its pods as they are"
        yield fail(f"{text}: {fallback.get('message')}", look)
    if condition(one, "Paused").get("status") == "True":
        resume = f"kubectl -n {namespace} annotate scaledobject {short}"
        yield warn(f"{name} is paused", f"{resume} autoscaling.keda.sh/paused-")
    complaints = [
        event
        for event in objects.events
        if event.get("reason") == "KEDAScalerFailed"
        and (event.get("involvedObject") or {}).get("name") == short
        and event["metadata"].get("namespace") == namespace
    ]
    if complaints:
        # A queue that cannot be read leaves a ScaledObject Ready (docs/adr/0049).
        yield warn(f"KEDA of {name}, in the last hour: {complaints[-1].get('message')}", look)


def _newest(secrets: tuple[Object, ...]) -> dict[tuple[str, str], tuple[int, str]]:
    """Revision and status of the newest revision, by namespace and name.

    Labels as Helm writes them: https://github.com/helm/helm/blob/v4.0.0/pkg/storage/driver/secrets.go
    """
    newest: dict[tuple[str, str], tuple[int, str]] = {}
    for secret in secrets:
        labels = secret["metadata"].get("labels") or {}
        place = (str(secret["metadata"]["namespace"]), str(labels.get("name")))
        version = str(labels.get("version", "0"))
        revision = int(version) if version.isdecimal() else 0
        status = str(labels.get("status", "of an unknown state"))
        if status != _SUPERSEDED and revision >= newest.get(place, (0, ""))[0]:
            newest[place] = (revision, status)
    return newest


def _runtimes(subject: Subject) -> Iterator[tuple[str, str]]:
    for name, one in sorted(subject.outputs["runtimes"].items()):
        if namespace := one.get("namespace"):
            yield str(namespace), name
