"""Deletion of pods with a grace, as an API server does it.

Read in Kubernetes: ``CheckGracefulDelete`` of ``pkg/registry/core/pod/strategy.go`` (which grace)
and ``BeforeDelete`` of ``apiserver/pkg/registry/rest/delete.go`` (what a second deletion changes).
Seen in a capture of 1.35.6: a pod with a grace of 72 s, deleted with 71, has
``deletionGracePeriodSeconds: 71`` and a ``deletionTimestamp`` 71 s ahead.
"""

import datetime
from http import HTTPStatus
from typing import Any

from easel_local.kubernetes.errors import ApiError

Object = dict[str, Any]

_ENDED = {"Succeeded", "Failed"}


def timestamp(moment: datetime.datetime) -> str:
    """Returns a moment as ``metav1.Time`` is written: UTC, whole seconds."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_of(text: str) -> datetime.datetime:
    """Reads a ``metav1.Time``.

    Raises:
        ValueError: it is none.
    """
    return datetime.datetime.fromisoformat(text)


def check_preconditions(one: Object, options: Object) -> None:
    """Compares ``preconditions`` of DeleteOptions with an object.

    Raises:
        ApiError: 409, it is another object by now.
    """
    wanted = options.get("preconditions") or {}
    for field in ("uid", "resourceVersion"):
        said, found = wanted.get(field), one["metadata"][field]
        if said is not None and said != found:
            message = f"the {field} in the precondition ({said}) is not the record's ({found})"
            raise ApiError(HTTPStatus.CONFLICT, message, "Conflict")


def goes_at_once(pod: Object, options: Object, now: datetime.datetime) -> bool:
    """Marks a pod as being deleted, or shortens what was left to it.

    Args:
        pod: changed in place.
        options: DeleteOptions; ``gracePeriodSeconds`` is its own word, else the pod's counts.
        now: the time.

    Returns:
        Whether nothing is left to wait for: the pod can be removed.
    """
    metadata = pod["metadata"]
    asked = options.get("gracePeriodSeconds")
    if "deletionTimestamp" in metadata:
        left = metadata.get("deletionGracePeriodSeconds")
        if not left:
            return True
        if asked is None or asked >= left:
            return False  # only a shorter grace changes anything
        began = moment_of(metadata["deletionTimestamp"]) - datetime.timedelta(seconds=left)
        grace = max(asked, 1) if asked < 0 else asked
    else:
        began = now
        grace = _grace(pod, asked)
    if grace == 0:
        return True
    metadata["deletionTimestamp"] = timestamp(began + datetime.timedelta(seconds=grace))
    metadata["deletionGracePeriodSeconds"] = grace
    return False


def _grace(pod: Object, asked: int | None) -> int:
    spec = pod.get("spec", {})
    if not spec.get("nodeName") or pod.get("status", {}).get("phase") in _ENDED:
        return 0
    grace = asked if asked is not None else spec.get("terminationGracePeriodSeconds", 0)
    return 1 if grace < 0 else int(grace)
