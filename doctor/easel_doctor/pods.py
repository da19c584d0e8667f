"""Pods that cannot start, and why: their containers' words, or the last warning about them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from easel_doctor.cluster import ClusterObjects, Object, condition, name_of
from easel_doctor.finding import Finding, Problem, fail, found, warn

_OVER = {"Succeeded", "Failed"}
_STUCK = {
    "CrashLoopBackOff": "kubectl -n {namespace} logs {pod} -c {container} --previous",
    "ImagePullBackOff": "make image PUSH=1, or mend the image's name; easel doctor --before looks",
    "ErrImagePull": "make image PUSH=1, or mend the image's name; easel doctor --before looks",
    "InvalidImageName": "mend the image's name in terraform.tfvars",
    "CreateContainerConfigError": "kubectl -n {namespace} describe pod {pod}",
    "CreateContainerError": "kubectl -n {namespace} describe pod {pod}",
    "RunContainerError": "kubectl -n {namespace} describe pod {pod}",
}
"""Reasons of waiting containers that do not pass by themselves, and what to do.

https://github.com/kubernetes/kubernetes/blob/v1.35.0/pkg/kubelet/images/types.go and
pkg/kubelet/container/sync_result.go."""

PATIENCE = timedelta(minutes=15)
"""That a runtime's first pod may take: node, images, model (docs/adr/0032)."""

_BRIEF = timedelta(minutes=2)
"""That Karpenter takes to ask for a node, and the scheduler to find one."""

Clock = Callable[[], datetime]


def look_at_pods(objects: ClusterObjects, now: Clock = lambda: datetime.now(UTC)) -> Finding:
    """Looks at every pod of the cluster that is not over."""
    living = [pod for pod in objects.pods if _phase(pod) not in _OVER]
    problems = [problem for pod in living for problem in _problems(pod, objects, now())]
    running = sum(condition(pod, "Ready").get("status") == "True" for pod in living)
    return found(f"{running} of {len(living)} are ready", problems)


def _problems(pod: Object, objects: ClusterObjects, now: datetime) -> Iterator[Problem]:
    if pod["metadata"].get("deletionTimestamp"):
        return  # It ends its task.
    if stuck := list(_container_problems(pod)):
        yield from stuck
        return
    age = now - _created(pod)
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    look = f"kubectl -n {namespace} describe pod {name}"
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False" and age > _BRIEF:
        said = _last_warning(pod, objects) or str(scheduled.get("message"))
        text = f"pod {name_of(pod)} has had no node for {_minutes(age)}: {said}"
        yield (fail if age > PATIENCE else warn)(text, f"{look}; easel doctor's nodes and quotas")
    elif condition(pod, "Ready").get("status") != "True" and age > PATIENCE:
        said = _last_warning(pod, objects) or "nothing is said"
        text = f"pod {name_of(pod)} is not ready after {_minutes(age)}: {said}"
        yield fail(text, look)


def _container_problems(pod: Object) -> Iterator[Problem]:
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    status = pod.get("status") or {}
    for field in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(field) or []:
            waiting = (container.get("state") or {}).get("waiting") or {}
            reason = waiting.get("reason")
            if reason in _STUCK:
                remedy = _STUCK[reason].format(
                    namespace=namespace, pod=name, container=container["name"]
                )
                said = waiting.get("message") or _last_end(container)
                yield fail(f"pod {name_of(pod)}, {container['name']}: {reason}: {said}", remedy)


def _last_end(container: Object) -> str:
    ended = (container.get("lastState") or {}).get("terminated") or {}
    return f"it ended with {ended.get('exitCode', '?')} {ended.get('reason', '')}".strip()


def _last_warning(pod: Object, objects: ClusterObjects) -> str:
    about = [
        event
        for event in objects.events
        if (event.get("involvedObject") or {}).get("kind") == "Pod"
        and event["involvedObject"].get("name") == pod["metadata"]["name"]
        and event["metadata"].get("namespace") == pod["metadata"]["namespace"]
    ]
    about.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    return f"{about[-1].get('reason')}: {about[-1].get('message')}" if about else ""


def _phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase"))


def _created(pod: Object) -> datetime:
    return datetime.fromisoformat(str(pod["metadata"]["creationTimestamp"]))


def _minutes(age: timedelta) -> str:
    return f"{age.total_seconds() / 60:.0f} minutes"
