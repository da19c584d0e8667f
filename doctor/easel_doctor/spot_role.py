"""EC2 Spot's service-linked role, which an account has once somebody has asked for Spot.

Karpenter may not make it, and without it no Spot request is taken:
https://karpenter.sh/docs/troubleshooting/#missing-service-linked-role
"""

from botocore.exceptions import ClientError

from easel_doctor.finding import Finding, fail, found, warn
from easel_doctor.subject import Subject

ROLE = "AWSServiceRoleForEC2Spot"
_SPOT = "spot"


def look_at_spot_role(subject: Subject) -> Finding:
    """Asks IAM for the role, where a runtime may use Spot."""
    users = {
        name: one for name, one in subject.settings.runtimes.items() if _SPOT in one.capacity_types
    }
    if not users:
        return found("no runtime uses Spot")
    try:
        subject.aws.iam.get_role(RoleName=ROLE)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        only = sorted(name for name, one in users.items() if set(one.capacity_types) == {_SPOT})
        text = f"the account has no role {ROLE}: Karpenter gets no Spot instance"
        remedy = "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com"
        if only:
            return found(ROLE, [fail(f"{text}, and {', '.join(only)} may use no other", remedy)])
        return found(ROLE, [warn(f"{text}, and takes on-demand at its price", remedy)])
    return found(f"{ROLE} is there")
