"""What the instance needs to start: a role, an instance profile, a security group."""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from easel_snapshot import removal
from easel_snapshot.aws import Aws
from easel_snapshot.clean_ups import CleanUps
from easel_snapshot.patience import Patience
from easel_snapshot.plan import Plan
from easel_snapshot.role_policy import instance_policy, trust_policy
from easel_snapshot.tags import tag_list

_ANYWHERE = "0.0.0.0/0"
_HTTPS = 443
_NOT_KNOWN_YET = {"InvalidGroup.NotFound", "NoSuchEntity"}
"""What AWS says for some seconds of what it has just made."""


class Access:
    """What one build makes for its instance."""

    def __init__(self, aws: Aws, plan: Plan, patience: Patience, undo: CleanUps) -> None:
        """Nothing is made yet."""
        self._aws, self._plan, self._patience, self._undo = aws, plan, patience, undo
        self._id = plan.build.text
        self._name = removal.resource_name(self._id)
        self.group_id = plan.options.security_group_id

    def make_role(self) -> None:
        """Makes the role, with its policy.

        Raises:
            botocore.exceptions.ClientError: AWS refuses.
        """
        self._undo.push(f"role {self._name}", lambda _: removal.remove_role(self._aws, self._id))
        trust = trust_policy(self._plan.caller)
        request: dict[str, Any] = {
            "Path": removal.PATH,
            "RoleName": self._name,
            "AssumeRolePolicyDocument": json.dumps(trust),
            "Description": "Instance of easel's snapshot builder",
            "Tags": tag_list(self._plan.tags),
        }
        if self._plan.options.permissions_boundary:
            request["PermissionsBoundary"] = self._plan.options.permissions_boundary
        self._made("EntityAlreadyExists", lambda: self._aws.iam.create_role(**request))
        images = [image.reference for image in self._plan.images]
        policy = json.dumps(instance_policy(self._plan.caller, images))
        self._made(
            "",
            lambda: self._aws.iam.put_role_policy(
                RoleName=self._name, PolicyName=self._name, PolicyDocument=policy
            ),
        )

    def make_profile(self) -> None:
        """Makes the instance profile, with the role in it.

        Raises:
            botocore.exceptions.ClientError: AWS refuses.
        """
        self._undo.push(
            f"instance profile {self._name}",
            lambda _: removal.remove_instance_profile(self._aws, self._id),
        )
        iam = self._aws.iam
        self._made(
            "EntityAlreadyExists",
            lambda: iam.create_instance_profile(
                Path=removal.PATH,
                InstanceProfileName=self._name,
                Tags=tag_list(self._plan.tags),
            ),
        )
        self._made(
            "LimitExceeded",  # the profile has the role already
            lambda: iam.add_role_to_instance_profile(
                InstanceProfileName=self._name, RoleName=self._name
            ),
        )

    def make_group(self) -> None:
        """Makes the security group.

        Raises:
            botocore.exceptions.ClientError: AWS refuses.
        """
        self._undo.push(
            f"security group {self._name}",
            lambda patience: removal.remove_security_groups(self._aws, self._id, patience),
        )
        specification = {"ResourceType": "security-group", "Tags": tag_list(self._plan.tags)}
        self._made(
            "InvalidGroup.Duplicate",
            lambda: self._aws.ec2.create_security_group(
                GroupName=self._name,
                # EC2 takes no apostrophe here.
                Description="Snapshot builder of easel: nothing may come in",
                VpcId=self._plan.subnets[0].vpc_id,
                TagSpecifications=[specification],
            ),
        )
        groups = self._patience.until(
            f"security group {self._name}",
            lambda: removal.security_groups(self._aws, self._id) or None,
        )
        self.group_id = str(groups[0]["GroupId"])
        self._let_out_only(self.group_id)

    def _let_out_only(self, group_id: str) -> None:
        """To registries and Systems Manager; the VPC's own DNS and clock need no rule."""
        ec2, everything = self._aws.ec2, [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": _ANYWHERE}]}]
        ports = {_HTTPS, *(image.reference.port or _HTTPS for image in self._plan.images)}
        rules = [
            {
                "IpProtocol": "tcp",
                "FromPort": port,
                "ToPort": port,
                "IpRanges": [{"CidrIp": _ANYWHERE}],
            }
            for port in sorted(ports)
        ]
        self._made(
            "InvalidPermission.Duplicate",
            lambda: ec2.authorize_security_group_egress(GroupId=group_id, IpPermissions=rules),
        )
        self._made(
            "InvalidPermission.NotFound",
            lambda: ec2.revoke_security_group_egress(GroupId=group_id, IpPermissions=everything),
        )

    def _made(self, already: str, make: Callable[[], object]) -> None:
        def look() -> bool | None:
            try:
                make()
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code in _NOT_KNOWN_YET:
                    return None
                # The first answer may have been lost; the name is this build's.
                if code != already:
                    raise
            return True

        self._patience.until(f"that AWS knows {self._name}", look)
