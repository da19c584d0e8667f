"""Names the volumes that pods have made: a destroy leaves them, as their data may matter."""

from easel_deploy.environments.stack import StackIdentity


def retained_volumes(stack: StackIdentity) -> list[str]:
    """Returns the ids of EBS volumes that are left of the stack's cluster.

    Raises:
        botocore.exceptions.ClientError: volumes cannot be read.
    """
    pages = (
        stack.client("ec2")
        .get_paginator("describe_volumes")
        .paginate(
            Filters=[
                {"Name": f"tag:kubernetes.io/cluster/{stack.name}", "Values": ["owned"]},
                {"Name": "status", "Values": ["available"]},
            ]
        )
    )
    return sorted(one["VolumeId"] for page in pages for one in page["Volumes"])
