"""Takes away what a build made: each kind by the build's tag or name, however often it is called.

By tag, not by remembered ids: the answer that told an id may have been lost.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from easel_snapshot.aws import Aws
from easel_snapshot.patience import Patience
from easel_snapshot.tags import BUILD, BUILDING, STATE

PATH = "/easel-snapshot/"
"""Of roles and instance profiles in IAM, by which those of builds are told from all others."""

_IN_USE = {"DependencyViolation", "InvalidGroup.InUse", "VolumeInUse"}


def resource_name(build: str) -> str:
    """Returns the name of a build's role, instance profile and security group."""
    return f"easel-snapshot-{build}"


def remove_instances(aws: Aws, build: str, patience: Patience) -> list[str]:
    """Ends the instances of a build and waits for their end.

    Args:
        aws: clients.
        build: its id.
        patience: how long is waited.

    Returns:
        their ids.

    Raises:
        TimedOutError: they still run.
        botocore.exceptions.ClientError: AWS refuses.
    """
    found = instances(aws, build)
    ids = [str(one["InstanceId"]) for one in found]
    if ids:
        aws.ec2.terminate_instances(InstanceIds=ids)
        patience.until(
            f"the end of {', '.join(ids)}", lambda: None if instances(aws, build) else ids
        )
    return ids


def remove_volumes(aws: Aws, build: str, patience: Patience) -> list[str]:
    """Deletes volumes that outlived their instance."""
    ids = [str(one["VolumeId"]) for one in volumes(aws, build)]
    for name in ids:
        _delete(partial(aws.ec2.delete_volume, VolumeId=name), "InvalidVolume.NotFound", patience)
    return ids


def remove_security_groups(aws: Aws, build: str, patience: Patience) -> list[str]:
    """Deletes security groups; an instance that has just ended still holds them for a moment."""
    ids = [str(one["GroupId"]) for one in security_groups(aws, build)]
    for name in ids:
        _delete(
            partial(aws.ec2.delete_security_group, GroupId=name),
            "InvalidGroup.NotFound",
            patience,
        )
    return ids


def remove_unfinished_snapshots(
    aws: Aws, build: str, patience: Patience, region: str | None = None
) -> list[str]:
    """Deletes snapshots that were not found good, in the build's region or another one."""
    ec2 = aws.client("ec2", region)
    ids = [str(one["SnapshotId"]) for one in unfinished_snapshots(aws, build, region)]
    for name in ids:
        _delete(partial(ec2.delete_snapshot, SnapshotId=name), "InvalidSnapshot.NotFound", patience)
    return ids


def remove_instance_profile(aws: Aws, build: str) -> None:
    """Deletes an instance profile; none is fine."""
    name = resource_name(build)
    _none_is_fine(
        lambda: aws.iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
    )
    _none_is_fine(lambda: aws.iam.delete_instance_profile(InstanceProfileName=name))


def remove_role(aws: Aws, build: str) -> None:
    """Deletes a role with its policy; none is fine."""
    name = resource_name(build)
    _none_is_fine(lambda: aws.iam.delete_role_policy(RoleName=name, PolicyName=name))
    _none_is_fine(lambda: aws.iam.delete_role(RoleName=name))


def instances(aws: Aws, build: str | None = None) -> list[dict[str, Any]]:
    """Returns instances of a build, or of any, that have not ended."""
    alive = ["pending", "running", "shutting-down", "stopping", "stopped"]
    pages = aws.ec2.get_paginator("describe_instances").paginate(
        Filters=[*_of(build), {"Name": "instance-state-name", "Values": alive}]
    )
    return [
        instance
        for page in pages
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    ]


def volumes(aws: Aws, build: str | None = None) -> list[dict[str, Any]]:
    """Returns volumes of a build, or of any."""
    pages = aws.ec2.get_paginator("describe_volumes").paginate(Filters=_of(build))
    return [volume for page in pages for volume in page["Volumes"]]


def security_groups(aws: Aws, build: str | None = None) -> list[dict[str, Any]]:
    """Returns security groups of a build, or of any."""
    pages = aws.ec2.get_paginator("describe_security_groups").paginate(Filters=_of(build))
    return [group for page in pages for group in page["SecurityGroups"]]


def unfinished_snapshots(
    aws: Aws, build: str | None = None, region: str | None = None
) -> list[dict[str, Any]]:
    """Returns snapshots of a build, or of any, that were not found good."""
    pages = (
        aws.client("ec2", region)
        .get_paginator("describe_snapshots")
        .paginate(
            OwnerIds=["self"],
            Filters=[*_of(build), {"Name": f"tag:{STATE}", "Values": [BUILDING]}],
        )
    )
    return [snapshot for page in pages for snapshot in page["Snapshots"]]


def _of(build: str | None) -> list[dict[str, Any]]:
    if build is None:
        return [{"Name": "tag-key", "Values": [BUILD]}]
    return [{"Name": f"tag:{BUILD}", "Values": [build]}]


def _delete(call: Callable[[], object], gone: str, patience: Patience) -> None:
    def look() -> bool | None:
        try:
            call()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _IN_USE:
                return None
            if code != gone:
                raise
        return True

    patience.until("that it is no longer in use", look)


def _none_is_fine(call: Callable[[], object]) -> None:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
