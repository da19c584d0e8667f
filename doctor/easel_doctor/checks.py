"""The list of checks: the one place that `easel doctor` and `easel deploy` take them from."""

from collections.abc import Callable

from easel_doctor.alarms import look_at_alarms
from easel_doctor.api_address import look_at_api_address
from easel_doctor.bucket import look_at_model_bucket
from easel_doctor.check import Check, Phase
from easel_doctor.cluster import ClusterReading
from easel_doctor.control_plane import look_at_cluster
from easel_doctor.finding import Finding, fail, found, unchecked
from easel_doctor.gpu_types import look_at_gpu_types
from easel_doctor.identity import look_at_credentials, look_at_partition
from easel_doctor.images import look_at_images
from easel_doctor.last_task import look_at_last_task
from easel_doctor.nodes import look_at_nodes
from easel_doctor.pods import look_at_pods
from easel_doctor.queues import look_at_dead_letters, look_at_queues
from easel_doctor.quotas import look_at_quotas
from easel_doctor.releases import look_at_releases, look_at_scaling
from easel_doctor.rights import look_at_rights
from easel_doctor.snapshots import look_at_snapshots
from easel_doctor.spot_role import look_at_spot_role
from easel_doctor.subject import Subject
from easel_doctor.tools import look_at_tools

_BEFORE: tuple[tuple[str, Callable[[Subject], Finding]], ...] = (
    ("tools", lambda subject: look_at_tools(subject.helm_tools)),
    ("credentials", look_at_credentials),
    ("partition", look_at_partition),
    ("rights", look_at_rights),
    ("api address", look_at_api_address),
    ("gpu types", look_at_gpu_types),
    ("quotas", look_at_quotas),
    ("spot role", look_at_spot_role),
    ("models", look_at_model_bucket),
    ("images", look_at_images),
    ("snapshots", look_at_snapshots),
)

_ON_AWS_ALONE = frozenset(
    ("rights", "api address", "gpu types", "quotas", "spot role", "models", "images", "snapshots")
)
"""What an emulator has nothing of, and a stack on it needs nothing of."""


def before_checks(subject: Subject) -> list[Check]:
    """Returns the checks of what an apply needs; making them calls nothing.

    Args:
        subject: the environment.
    """
    left_out = _ON_AWS_ALONE if subject.is_emulated else frozenset()
    checks = [
        Check(name, Phase.BEFORE, lambda look=look: look(subject))  # type: ignore[misc]
        for name, look in _BEFORE
        if name not in left_out
    ]
    if left_out:
        checks.append(Check("aws alone", Phase.BEFORE, _only_on_aws))
    return checks


def _only_on_aws() -> Finding:
    names = ", ".join(name for name, _ in _BEFORE if name in _ON_AWS_ALONE)
    remedy = "Nothing: no node and no registry is there. Before an apply on AWS they are looked at."
    return found(
        "an emulator on this machine stands for AWS", [unchecked(f"there are no {names}", remedy)]
    )


def after_checks(subject: Subject) -> list[Check]:
    """Returns the checks of how a stack is doing; making them calls nothing.

    Args:
        subject: the environment; where it was not applied, each check says so.
    """
    if not subject.is_applied:
        return [Check("stack", Phase.AFTER, lambda: _not_applied(subject))]
    reading = ClusterReading(str(subject.outputs["cluster_name"]), subject.settings.region)
    looks: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("cluster", lambda: look_at_cluster(subject, reading)),
        ("releases", lambda: look_at_releases(subject, reading.objects())),
        ("scaling", lambda: look_at_scaling(subject, reading.objects())),
        ("nodes", lambda: look_at_nodes(reading.objects(), is_emulated=subject.is_emulated)),
        ("pods", lambda: look_at_pods(reading.objects())),
        ("queues", lambda: look_at_queues(subject)),
        ("dead letters", lambda: look_at_dead_letters(subject)),
        ("alarms", lambda: look_at_alarms(subject)),
        ("last task", lambda: look_at_last_task(subject)),
    )
    return [Check(name, Phase.AFTER, look) for name, look in looks]


def _not_applied(subject: Subject) -> Finding:
    text = "Terraform's state has no cluster: the stack was not applied from here"
    remedy = f"make apply {subject.make_words}; a state elsewhere: envs/README.md, backend.tf"
    return found("there is no stack", [fail(text, remedy)])
