"""What the instance may do: be told what to do, and pull the images of this build."""

from collections.abc import Iterable
from typing import Any

from easel_snapshot.caller import Caller
from easel_snapshot.image_reference import ImageReference

_PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]

# The part of AmazonSSMManagedInstanceCore that Run Command needs; the policy itself also lets an
# instance read every parameter of the account.
# https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html
_COMMANDS = [
    "ec2messages:AcknowledgeMessage",
    "ec2messages:DeleteMessage",
    "ec2messages:FailMessage",
    "ec2messages:GetEndpoint",
    "ec2messages:GetMessages",
    "ec2messages:SendReply",
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
]


def trust_policy(caller: Caller) -> dict[str, Any]:
    """Returns who may take the role on: EC2, under the name it has in the partition."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": caller.ec2_service},
        "Action": "sts:AssumeRole",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def instance_policy(caller: Caller, images: Iterable[ImageReference]) -> dict[str, Any]:
    """Returns what the role may do.

    Args:
        caller: whose account and region it is.
        images: of the build.
    """
    prefix = f"arn:{caller.partition}:ecr"
    # Bottlerocket's own: the admin and control containers, in accounts of AWS.
    repositories = {f"{prefix}:*:*:repository/bottlerocket-{name}" for name in ("admin", "control")}
    for image in images:
        if registry := image.ecr:
            place = f"{registry.region}:{registry.account}"
            repositories.add(f"{prefix}:{place}:repository/{image.repository}")
    statements = [
        {"Sid": "TakeCommands", "Effect": "Allow", "Action": _COMMANDS, "Resource": "*"},
        {
            "Sid": "SignInToRegistries",
            "Effect": "Allow",
            "Action": "ecr:GetAuthorizationToken",
            "Resource": "*",
        },
        {
            "Sid": "PullTheseImages",
            "Effect": "Allow",
            "Action": _PULL,
            "Resource": sorted(repositories),
        },
    ]
    return {"Version": "2012-10-17", "Statement": statements}
