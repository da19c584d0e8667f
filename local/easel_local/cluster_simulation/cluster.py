"""The cluster that the simulated controllers share: objects, time, and what happened when."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from easel_local.cluster_simulation.clock import VirtualClock
from easel_local.kubernetes import Object, ObjectStore
from easel_local.kubernetes.grace import moment_of

_PLACES = {
    "Deployment": "apis/apps/v1/namespaces/{}/deployments",
    "Event": "api/v1/namespaces/{}/events",
    "Node": "api/v1/nodes",
    "NodeClaim": "apis/karpenter.sh/v1/nodeclaims",
    "NodePool": "apis/karpenter.sh/v1/nodepools",
    "PodDisruptionBudget": "apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "Pod": "api/v1/namespaces/{}/pods",
    "ReplicaSet": "apis/apps/v1/namespaces/{}/replicasets",
    "ScaledObject": "apis/keda.sh/v1alpha1/namespaces/{}/scaledobjects",
}
_MOST_ROUNDS = 1_000


class Moment(NamedTuple):
    """Something that happened."""

    seconds: float
    what: str
    about: str
    """Name of the object."""


class Controller(Protocol):
    """Looks at the cluster after every change of it."""

    def react(self) -> None:
        """Does what is due by the objects as they are; called until nothing changes any more."""


class Cluster:
    """Objects, the time, the controllers, and the timeline.

    Attributes:
        clock: the time.
        store: the objects.
        timeline: what happened, in its order.
        controllers: react in this order.
    """

    def __init__(self) -> None:
        """Makes an empty cluster at 0 s."""
        self.clock = VirtualClock()
        self.store = ObjectStore(clock=self.clock, settles=False)
        self.timeline: list[Moment] = []
        self.controllers: list[Controller] = []

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return self.clock.seconds

    def run(self, seconds: float) -> None:
        """Lets so much time pass."""
        until = self.now + seconds
        self._settle()
        while self.clock.step(until):
            self._settle()

    def run_until(self, holds: Callable[[], bool], seconds: float) -> float:
        """Lets time pass until a condition holds.

        Returns:
            The moment, in seconds since the start.

        Raises:
            TimeoutError: it did not within so many seconds.
        """
        until = self.now + seconds
        self._settle()
        while not holds():
            if not self.clock.step(until):
                raise TimeoutError(f"not within {seconds:g} s; so far: {self.timeline[-20:]}")
            self._settle()
        return self.now

    def of(self, kind: str) -> list[Object]:
        """Returns the objects of a kind, by their age and name."""
        found = self.store.of_kind(kind)
        return sorted(found, key=lambda one: (int(one["metadata"]["uid"][-12:]), name_of(one)))

    def find(self, kind: str, name: str) -> Object | None:
        """Returns an object by its name, or None."""
        return next((one for one in self.store.of_kind(kind) if name_of(one) == name), None)

    def create(self, kind: str, name: str, content: Object, namespace: str = "") -> Object:
        """Adds an object and notes it."""
        made = self.store.create(
            f"{_PLACES[kind].format(namespace)}/{name}", content | {"kind": kind}
        )
        self.note(f"{kind} created", name)
        return made

    def merge(self, one: Object, patch: Object) -> None:
        """Changes an object by a merge patch."""
        self.store.merge(path_of(one), patch)

    def delete(self, one: Object, **options: Any) -> None:
        """Deletes an object and notes the first time; one that is gone already is no mistake."""
        path = path_of(one)
        if path not in self.store.objects:
            return
        if "deletionTimestamp" not in one["metadata"]:
            self.note(f"{one['kind']} deleted", name_of(one))
        self.store.delete(path, options)

    def note(self, what: str, about: str) -> None:
        """Writes something into the timeline."""
        self.timeline.append(Moment(self.now, what, about))

    def seconds_of(self, what: str, about: str = "") -> list[float]:
        """Returns when something happened, to an object whose name begins so."""
        return [one.seconds for one in self.timeline if one.what == what and about in one.about]

    def deletion_of(self, one: Object) -> float:
        """Returns the deletionTimestamp of an object as seconds since the start."""
        return self.clock.since_start(moment_of(one["metadata"]["deletionTimestamp"]))

    def _settle(self) -> None:
        for _ in range(_MOST_ROUNDS):
            version = self.store.version
            for controller in self.controllers:
                controller.react()
            if self.store.version == version:
                return
        raise RuntimeError(f"the controllers do not come to rest: {self.timeline[-20:]}")


def name_of(one: Object) -> str:
    """Returns an object's name."""
    name: str = one["metadata"]["name"]
    return name


def path_of(one: Object) -> str:
    """Returns the path of an object of a kind that the controllers know."""
    return f"{_PLACES[one['kind']].format(one['metadata'].get('namespace'))}/{name_of(one)}"


def is_going(one: Object) -> bool:
    """Whether an object is being deleted."""
    return "deletionTimestamp" in one["metadata"]


def set_condition(one: Object, kind: str, status: str, reason: str = "") -> list[Object]:
    """Returns an object's conditions with one of them set."""
    others = [
        condition
        for condition in one.get("status", {}).get("conditions", ())
        if condition["type"] != kind
    ]
    return [*others, {"type": kind, "status": status, "reason": reason or kind}]
