"""What builds that broke off have left: killed, or cut off from AWS for longer than they wait."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from easel_snapshot import removal
from easel_snapshot.aws import Aws
from easel_snapshot.build_id import BuildId
from easel_snapshot.clean_ups import CleanUps
from easel_snapshot.report import Report
from easel_snapshot.tags import BUILD, tag_map

_NAME = removal.resource_name("")


@dataclass(frozen=True)
class Leftover:
    """One thing.

    Attributes:
        kind: such as instance.
        name: its id, or in IAM its name.
        build: of the build that made it.
    """

    kind: str
    name: str
    build: BuildId


def find_leftovers(aws: Aws, now: datetime, build: str | None = None) -> list[Leftover]:
    """Finds what is there of builds whose time is over.

    Args:
        aws: clients.
        now: in UTC.
        build: id of a build, of which everything is found, whatever the time.

    Raises:
        botocore.exceptions.ClientError: AWS refuses to tell.
    """
    found = [*_in_ec2(aws), *_in_iam(aws)]
    if build is not None:
        return [one for one in found if one.build.text == build]
    return [one for one in found if one.build.expires < now]


def remove_leftovers(
    aws: Aws, leftovers: Iterable[Leftover], report: Report, *, poll_seconds: float = 5.0
) -> list[str]:
    """Takes away all that is there of the builds of some leftovers.

    Returns:
        what could not be removed, with the reasons.
    """
    undo = CleanUps(report, poll_seconds=poll_seconds, seconds=300)
    for build in {one.build.text for one in leftovers}:
        # In the order in which a build makes them.
        undo.push(f"role of {build}", _alone(removal.remove_role, aws, build))
        undo.push(
            f"instance profile of {build}", _alone(removal.remove_instance_profile, aws, build)
        )
        for what, remove in (
            ("security group", removal.remove_security_groups),
            ("volumes", removal.remove_volumes),
            ("instance", removal.remove_instances),
            ("unfinished snapshots", removal.remove_unfinished_snapshots),
        ):
            undo.push(f"{what} of {build}", _bound(remove, aws, build))
    undo.run()
    return undo.left


def _alone(remove: Callable[[Aws, str], object], aws: Aws, build: str) -> Callable[[Any], object]:
    return lambda _: remove(aws, build)


def _bound(remove: Callable[..., object], aws: Aws, build: str) -> Callable[[Any], object]:
    return lambda patience: remove(aws, build, patience)


def _in_ec2(aws: Aws) -> list[Leftover]:
    kinds: tuple[tuple[str, str, list[dict[str, Any]]], ...] = (
        ("instance", "InstanceId", removal.instances(aws)),
        ("volume", "VolumeId", removal.volumes(aws)),
        ("security group", "GroupId", removal.security_groups(aws)),
        ("unfinished snapshot", "SnapshotId", removal.unfinished_snapshots(aws)),
    )
    return [
        Leftover(kind, str(one[key]), build)
        for kind, key, things in kinds
        for one in things
        if (build := BuildId.parse(tag_map(one.get("Tags")).get(BUILD, "")))
    ]


def _in_iam(aws: Aws) -> list[Leftover]:
    kinds = (
        ("role", "list_roles", "Roles", "RoleName"),
        ("instance profile", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
    )
    found = []
    for kind, operation, plural, key in kinds:
        for page in aws.iam.get_paginator(operation).paginate(PathPrefix=removal.PATH):
            for one in page[plural]:
                build = BuildId.parse(str(one[key]).removeprefix(_NAME))
                if build:
                    found.append(Leftover(kind, str(one[key]), build))
    return found
