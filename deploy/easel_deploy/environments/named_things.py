"""Finds this stack's resources in AWS by the names that Terraform would give them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from easel_deploy.environments.stack import StackIdentity

_NO_TAGS = "NoSuchTagSet"
_ABSENT = frozenset(
    {
        "403",  # of a bucket: another account's
        "404",
        "InvalidLaunchTemplateName.NotFoundException",
        "NoSuchBucket",
        "NoSuchEntity",
        "NotFoundException",
        "ResourceNotFoundException",
    }
)
"""What AWS says of something that is not there, or not in this account."""


@dataclass(frozen=True)
class StackTags:
    """The tags by which everything of a stack is known (envs/stack/providers.tf)."""

    tags: Mapping[str, str]

    @classmethod
    def of(cls, name: str) -> "StackTags":
        """Returns those of a stack by its name."""
        return cls({"Stack": name, "ManagedBy": "easel"})

    def are_in(self, tags: Mapping[str, str]) -> bool:
        """Returns whether something with these tags is the stack's."""
        return all(tags.get(key) == value for key, value in self.tags.items())


_Found = tuple[str, Mapping[str, str]]
"""What `terraform import` takes, and the tags."""


class Finder:
    """Looks for what a plan would make."""

    def __init__(self, stack: StackIdentity, tags: StackTags) -> None:
        """Looks for nothing yet.

        Args:
            stack: whose account and region it is.
            tags: that only this stack's have.
        """
        self._stack = stack
        self._tags = tags
        self._ways: dict[str, Callable[[Mapping[str, Any]], _Found]] = {
            "aws_api_gateway_method": self._method,
            "aws_api_gateway_resource": self._resource,
            "aws_cloudwatch_log_group": self._log_group,
            "aws_dynamodb_table": self._table,
            "aws_eks_cluster": self._cluster,
            "aws_iam_policy": self._policy,
            "aws_iam_role": self._role,
            "aws_lambda_function": self._function,
            "aws_launch_template": self._launch_template,
            "aws_s3_bucket": self._bucket,
        }

    def __call__(self, kind: str, planned: Mapping[str, Any]) -> str | None:
        """Returns what `terraform import` takes, where the thing is there and this stack's.

        Args:
            kind: Terraform's type.
            planned: the values that are known before the apply.

        Raises:
            botocore.exceptions.ClientError: it cannot be looked at.
        """
        way = self._ways.get(kind)
        if way is None:
            return None
        try:
            identity, tags = way(planned)
        except (KeyError, StopIteration):
            return None  # none of the name, or the name is not known before the apply
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return None
            raise
        return identity if self._tags.are_in(tags) else None

    def _role(self, planned: Mapping[str, Any]) -> _Found:
        name = planned["name"]
        role = self._stack.client("iam").get_role(RoleName=name)["Role"]
        return name, _of_list(role.get("Tags", []))

    def _policy(self, planned: Mapping[str, Any]) -> _Found:
        partition = self._stack.client("sts").get_caller_identity()["Arn"].split(":")[1]
        path = planned.get("path") or "/"
        arn = f"arn:{partition}:iam::{self._stack.account}:policy{path}{planned['name']}"
        policy = self._stack.client("iam").get_policy(PolicyArn=arn)["Policy"]
        return arn, _of_list(policy.get("Tags", []))

    def _launch_template(self, planned: Mapping[str, Any]) -> _Found:
        found = self._stack.client("ec2").describe_launch_templates(
            LaunchTemplateNames=[planned["name"]]
        )["LaunchTemplates"][0]
        return found["LaunchTemplateId"], _of_list(found.get("Tags", []))

    def _table(self, planned: Mapping[str, Any]) -> _Found:
        client, name = self._stack.client("dynamodb"), planned["name"]
        arn = client.describe_table(TableName=name)["Table"]["TableArn"]
        return name, _of_list(client.list_tags_of_resource(ResourceArn=arn).get("Tags", []))

    def _function(self, planned: Mapping[str, Any]) -> _Found:
        name = planned["function_name"]
        found = self._stack.client("lambda").get_function(FunctionName=name)
        return name, found.get("Tags", {})

    def _cluster(self, planned: Mapping[str, Any]) -> _Found:
        name = planned["name"]
        found = self._stack.client("eks").describe_cluster(name=name)["cluster"]
        return name, found.get("tags", {})

    def _log_group(self, planned: Mapping[str, Any]) -> _Found:
        client, name = self._stack.client("logs"), planned["name"]
        groups = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        arn = next(one["arn"] for one in groups if one["logGroupName"] == name)
        return name, client.list_tags_for_resource(resourceArn=arn.removesuffix(":*"))["tags"]

    def _resource(self, planned: Mapping[str, Any]) -> _Found:
        # Of an API in the state, so this stack's; a path has no tags.
        api, parent = planned["rest_api_id"], planned["parent_id"]
        pages = self._stack.client("apigateway").get_paginator("get_resources")
        identity = next(
            item["id"]
            for page in pages.paginate(restApiId=api)
            for item in page["items"]
            if item.get("parentId") == parent and item.get("pathPart") == planned["path_part"]
        )
        return f"{api}/{identity}", self._tags.tags

    def _method(self, planned: Mapping[str, Any]) -> _Found:
        api, resource = planned["rest_api_id"], planned["resource_id"]
        method = planned["http_method"]
        self._stack.client("apigateway").get_method(
            restApiId=api, resourceId=resource, httpMethod=method
        )
        return f"{api}/{resource}/{method}", self._tags.tags

    def _bucket(self, planned: Mapping[str, Any]) -> _Found:
        client, name = self._stack.client("s3"), planned["bucket"]
        owner = {"Bucket": name, "ExpectedBucketOwner": self._stack.account}
        client.head_bucket(**owner)
        try:
            tags = _of_list(client.get_bucket_tagging(**owner)["TagSet"])
        except ClientError as error:
            if error.response["Error"]["Code"] != _NO_TAGS:
                raise
            tags = {}
        # A bucket gets its tags by a later call. The name has the stack's and the account's in it.
        return name, tags or self._tags.tags


def _of_list(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}
