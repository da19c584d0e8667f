"""Who builds: the account and the partition come from there, never from a region's name alone."""

from dataclasses import dataclass
from typing import Any

from easel_snapshot.aws import Aws
from easel_snapshot.image_reference import EcrRegistry


@dataclass(frozen=True)
class Caller:
    """Whose credentials are used.

    Attributes:
        arn: of a user, an assumed role or the root.
        account: twelve digits.
        partition: aws or aws-cn.
        region: of the build.
    """

    arn: str
    account: str
    partition: str
    region: str

    @property
    def registry(self) -> EcrRegistry:
        """The account's own registry in the region."""
        return EcrRegistry(self.account, self.region)

    @property
    def ec2_service(self) -> str:
        """EC2 as a role's trust policy names it."""
        return "ec2.amazonaws.com.cn" if self.partition == "aws-cn" else "ec2.amazonaws.com"


def find_caller(aws: Aws) -> Caller:
    """Asks STS who is calling.

    Raises:
        botocore.exceptions.ClientError: the credentials are not good.
        botocore.exceptions.BotoCoreError: there are none, or AWS cannot be reached.
    """
    identity: dict[str, Any] = aws.client("sts").get_caller_identity()
    arn = str(identity["Arn"])
    return Caller(arn, str(identity["Account"]), arn.split(":")[1], aws.region)
