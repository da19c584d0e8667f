"""Objects by their path, with what happened to them: the memory of the API server."""

import copy
import datetime
import threading
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NamedTuple

from easel_local.kubernetes import keda
from easel_local.kubernetes.defaults import fill_defaults
from easel_local.kubernetes.discovery import CRD_KIND, Resource, served
from easel_local.kubernetes.errors import ApiError
from easel_local.kubernetes.evictions import DISRUPTION_TARGET, SUCCESS, check_eviction
from easel_local.kubernetes.grace import check_preconditions, goes_at_once, timestamp
from easel_local.kubernetes.paths import ObjectPath
from easel_local.kubernetes.protection import protect
from easel_local.kubernetes.reactions import REACTED_TO, consequences
from easel_local.kubernetes.status import settle

Object = dict[str, Any]
Validator = Callable[[Object], list[str]]
Clock = Callable[[], datetime.datetime]

_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_OF_DELETION = {"deletionTimestamp", "deletionGracePeriodSeconds"}
_EVENTS = 10_000
_CALLS = 50_000


class Event(NamedTuple):
    """A change, as a watch tells of it."""

    version: int
    type: str
    path: ObjectPath
    object: Object


class ObjectStore:
    """Objects by their path, each with what was last applied to it.

    Attributes:
        objects: by path; what a controller would change may be changed here.
        calls: every request as `METHOD path`, the last ones.
        changed: notified with every event.
    """

    def __init__(
        self,
        validate: Validator | None = None,
        *,
        clock: Clock = lambda: datetime.datetime.now(datetime.UTC),
        settles: bool = True,
    ) -> None:
        """Makes a store that holds the namespaces of every cluster.

        Args:
            validate: returns what is wrong with an object that is applied.
            clock: the time, with its zone, that creations and deletions are written down with.
            settles: whether objects are ready at once; False where controllers run.
        """
        self.objects: dict[str, Object] = {}
        self.calls: deque[str] = deque(maxlen=_CALLS)
        self.changed = threading.Condition(threading.RLock())
        self._events: deque[Event] = deque(maxlen=_EVENTS)
        self._applied: dict[str, Object] = {}
        self._validate = validate
        self._clock = clock
        self._settles = settles
        self._is_reacting = False
        self._version = 0
        for name in _NAMESPACES:
            self.put(
                f"api/v1/namespaces/{name}",
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
            )

    @property
    def version(self) -> int:
        """Of the newest change."""
        return self._version

    def resources(self) -> tuple[Resource, ...]:
        """All kinds that are served now."""
        return served(self.of_kind(CRD_KIND))

    def get(self, path: str) -> Object:
        """Returns an object.

        Raises:
            ApiError: there is none.
        """
        if path not in self.objects:
            raise ApiError(HTTPStatus.NOT_FOUND, f"{path} not found", "NotFound")
        return self.objects[path]

    def listed(self, path: ObjectPath) -> list[Object]:
        """Returns the objects of a list, by their paths' order."""
        with self.changed:
            return [
                one
                for name, one in sorted(self.objects.items())
                if (found := ObjectPath.parse(name)) and path.lists(found)
            ]

    def of_kind(self, kind: str) -> list[Object]:
        """Returns all objects of a kind."""
        with self.changed:
            return [one for one in self.objects.values() if one["kind"] == kind]

    def create(self, path: str, content: Object) -> Object:
        """Adds an object.

        Raises:
            ApiError: it is there already, or its namespace is not.
        """
        with self.changed:
            if path in self.objects:
                message = f"{path} already exists"
                raise ApiError(HTTPStatus.CONFLICT, message, "AlreadyExists")
            return self.put(path, content)

    def put(self, path: str, content: Object) -> Object:
        """Sets an object; one that was only waiting for its finalizers goes with the last of them.

        Raises:
            ApiError: its namespace is not there, or it was changed since it was read.
        """
        with self.changed:
            before = self.objects.get(path)
            where = self._path(path)
            metadata = content.setdefault("metadata", {})
            self._check(where, metadata, before)
            kept = before["metadata"] if before else {}
            fill_defaults(content)
            if before is None:
                protect(content)
            self._version += 1
            changed_spec = before is None or before.get("spec") != content.get("spec")
            metadata |= {
                "name": where.name,
                "uid": kept.get("uid", f"00000000-0000-4000-8000-{self._version:012d}"),
                "creationTimestamp": kept.get("creationTimestamp", self._now()),
                "generation": kept.get("generation", 0) + changed_spec,
                "resourceVersion": str(self._version),
            }
            if where.namespace:
                metadata["namespace"] = where.namespace
            for name in _OF_DELETION & kept.keys():
                metadata[name] = kept[name]
            if self._settles:
                settle(content)
            self.objects[path] = content
            self._happened("MODIFIED" if before else "ADDED", where, content)
            if self._settles:
                for beside, one in keda.made_of(content).items():
                    if beside not in self.objects:
                        self.put(beside, one)
            if _is_over(metadata):
                self._remove(path)
            self._react(where)
            return content

    def apply(self, path: str, wanted: Object, *, dry_run: bool = False) -> Object:
        """Server-side apply by one manager: what others have set, and it has not, stays.

        Raises:
            ApiError: the validator refuses it, or `put` does.
        """
        if self._validate and (problems := self._validate(wanted)):
            message = "; ".join(problems)
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, message, "Invalid")
        with self.changed:
            live = copy.deepcopy(self.objects.get(path, {}))
            merged = _applied(live, self._applied.get(path, {}), copy.deepcopy(wanted))
            if dry_run:
                return merged
            merged.get("metadata", {}).pop("resourceVersion", None)
            self._applied[path] = wanted
            return self.put(path, merged)

    def merge(self, path: str, patch: Object) -> Object:
        """Merge patch: null removes.

        Raises:
            ApiError: there is no such object.
        """
        with self.changed:
            return self.put(path, _merged(copy.deepcopy(self.get(path)), patch))

    def delete(self, path: str, options: Object | None = None) -> Object:
        """Deletes an object and what belongs to it.

        One with finalizers is only marked, and so is a pod on a node, which has its grace: the
        kubelet deletes it again, with a grace of 0.

        Args:
            path: of the object.
            options: DeleteOptions: ``gracePeriodSeconds`` and ``preconditions`` count.

        Raises:
            ApiError: there is none, or it is not the one that the preconditions are about.
        """
        with self.changed:
            found, where = self.get(path), self._path(path)
            check_preconditions(found, options or {})
            metadata = found["metadata"]
            before = {name: metadata.get(name) for name in _OF_DELETION}
            if found["kind"] != "Pod" or goes_at_once(found, options or {}, self._clock()):
                metadata.setdefault("deletionTimestamp", self._now())
                metadata.pop("deletionGracePeriodSeconds", None)
            if _is_over(metadata):
                self._remove(path)
            elif before != {name: metadata.get(name) for name in _OF_DELETION}:
                self._version += 1
                metadata["resourceVersion"] = str(self._version)
                self._happened("MODIFIED", where, found)
            self._react(where)
            return found

    def evict(self, path: str, eviction: Object) -> Object:
        """Deletes a pod if its budget allows it.

        Args:
            path: of the pod.
            eviction: policy/v1, with ``deleteOptions``.

        Returns:
            The Status of a success.

        Raises:
            ApiError: there is no such pod, or its budget refuses.
        """
        with self.changed:
            pod = self.get(path)
            check_eviction(pod, self.of_kind("PodDisruptionBudget"))
            conditions = pod.setdefault("status", {}).setdefault("conditions", [])
            if not any(one["type"] == DISRUPTION_TARGET["type"] for one in conditions):
                conditions.append(DISRUPTION_TARGET | {"lastTransitionTime": self._now()})
            self.delete(path, eviction.get("deleteOptions"))
            return SUCCESS

    def events_after(self, version: int) -> list[Event]:
        """Returns what happened since a version.

        Raises:
            ApiError: that is too long ago to be known.
        """
        with self.changed:
            if self._events and version + 1 < self._events[0].version:
                raise ApiError(HTTPStatus.GONE, "too old resource version", "Expired")
            return [event for event in self._events if event.version > version]

    def _check(self, where: ObjectPath, metadata: Object, before: Object | None) -> None:
        namespace = f"api/v1/namespaces/{where.namespace}"
        if where.namespace and namespace not in self.objects:
            message = f'namespaces "{where.namespace}" not found'
            raise ApiError(HTTPStatus.NOT_FOUND, message, "NotFound")
        said = metadata.get("resourceVersion")
        if said and before and said != before["metadata"]["resourceVersion"]:
            raise ApiError(HTTPStatus.CONFLICT, f"{where} has been modified", "Conflict")

    def _remove(self, path: str) -> None:
        removed = self.objects.pop(path)
        self._applied.pop(path, None)
        self._version += 1
        removed["metadata"]["resourceVersion"] = str(self._version)
        self._happened("DELETED", self._path(path), removed)
        for other in self._belonging_to(removed):
            if other in self.objects:
                self.delete(other)

    def _react(self, where: ObjectPath) -> None:
        if self._is_reacting or where.plural not in REACTED_TO:
            return
        self._is_reacting = True
        try:
            while changed := consequences(self.objects):
                for path, one in changed.items():
                    self.put(path, one)
        finally:
            self._is_reacting = False

    def _now(self) -> str:
        return timestamp(self._clock())

    def _belonging_to(self, removed: Object) -> list[str]:
        if removed["kind"] == "Namespace":
            inside = f"/namespaces/{removed['metadata']['name']}/"
            return [other for other in self.objects if inside in f"/{other}"]
        if removed["kind"] == CRD_KIND:
            (resource, *_) = served([removed])[-1:]
            group = f"apis/{removed['spec']['group']}/"
            return [
                other
                for other in self.objects
                if other.startswith(group) and self._path(other).plural == resource.plural
            ]
        uid = removed["metadata"]["uid"]
        return [
            other
            for other, one in self.objects.items()
            if any(owner["uid"] == uid for owner in one["metadata"].get("ownerReferences", ()))
        ]

    def _happened(self, kind: str, where: ObjectPath, one: Object) -> None:
        self._events.append(Event(self._version, kind, where, copy.deepcopy(one)))
        self.changed.notify_all()

    @staticmethod
    def _path(path: str) -> ObjectPath:
        parsed = ObjectPath.parse(path)
        if parsed is None or parsed.name is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"{path} is no object's path", "NotFound")
        return parsed


def _is_over(metadata: Object) -> bool:
    """Whether nothing holds a deleted object any more: neither a finalizer nor a pod's grace."""
    holds = metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds")
    return "deletionTimestamp" in metadata and not holds


def _applied(live: Object, before: Object, wanted: Object) -> Object:
    merged = {key: value for key, value in live.items() if key in wanted or key not in before}
    for key, value in wanted.items():
        parts = [one.get(key) for one in (live, before)]
        if isinstance(value, dict):
            below = [one if isinstance(one, dict) else {} for one in parts]
            merged[key] = _applied(below[0], below[1], value)
        else:
            merged[key] = value
    return merged


def _merged(live: Object, patch: Object) -> Object:
    for key, value in patch.items():
        below = live.get(key)
        if value is None:
            live.pop(key, None)
        elif isinstance(value, dict):
            live[key] = _merged(below if isinstance(below, dict) else {}, value)
        else:
            live[key] = value
    return live
