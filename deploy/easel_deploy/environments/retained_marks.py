"""The mark of what a destroy has kept: a tag.

Without it the bucket of a live stack, whose state is elsewhere, looks the same as a kept one.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from easel_deploy.environments.stack import StackIdentity

MARK = "easel:kept"
_VALUE = "true"
_NOT_FOUND = frozenset(
    {
        *("404", "NoSuchBucket", "NoSuchEntity", "NoSuchTagSet", "NotFoundException"),
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)


class Markable(Protocol):
    """Something that a destroy may keep."""

    def is_marked(self) -> bool:
        """Returns whether an earlier destroy has kept it."""

    def mark(self) -> None:
        """Marks it as kept; its other tags stay."""

    def unmark(self) -> None:
        """Takes the mark away; its other tags stay."""


def is_missing(error: ClientError) -> bool:
    """Returns whether AWS has answered that there is no such thing."""
    return error.response["Error"]["Code"] in _NOT_FOUND


@dataclass(frozen=True)
class RetainedBucket:
    """A bucket."""

    stack: StackIdentity
    name: str

    def exists(self) -> bool:
        """Returns whether it is there.

        Raises:
            botocore.exceptions.ClientError: it is another account's, or cannot be looked at.
        """
        try:
            self._s3.head_bucket(Bucket=self.name, ExpectedBucketOwner=self.stack.account)
        except ClientError as error:
            if is_missing(error):
                return False
            raise
        return True

    def is_empty(self) -> bool:
        """Returns whether it holds no object, in no version; one that is gone is empty."""
        try:
            found = self._s3.list_object_versions(Bucket=self.name, MaxKeys=1)
        except ClientError as error:
            if is_missing(error):
                return True
            raise
        return not (found.get("Versions") or found.get("DeleteMarkers"))

    def key_id(self) -> str:
        """Returns the id or the ARN of the key that it encrypts with; empty where there is none."""
        try:
            found = self._s3.get_bucket_encryption(Bucket=self.name)
        except ClientError as error:
            if is_missing(error):
                return ""
            raise
        (rule, *_) = found["ServerSideEncryptionConfiguration"]["Rules"]
        return str(rule["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID", ""))

    def is_marked(self) -> bool:  # noqa: D102 - as Markable has it
        return self._tags().get(MARK) == _VALUE

    def mark(self) -> None:  # noqa: D102
        self._replace_tags(self._tags() | {MARK: _VALUE})

    def unmark(self) -> None:  # noqa: D102
        tags = self._tags()
        if tags.pop(MARK, None):
            self._replace_tags(tags)

    @property
    def mark_command(self) -> str:
        """Marks it by hand; tags of the stack's come back with the next apply."""
        return (
            f"aws s3api put-bucket-tagging --region {self.stack.region} --bucket {self.name} "
            f"--tagging 'TagSet=[{{Key={MARK},Value={_VALUE}}}]'"
        )

    @property
    def _s3(self) -> Any:
        return self.stack.client("s3")

    def _tags(self) -> dict[str, str]:
        try:
            found = self._s3.get_bucket_tagging(Bucket=self.name)["TagSet"]
        except ClientError as error:
            if is_missing(error):
                return {}
            raise
        return {one["Key"]: one["Value"] for one in found}

    def _replace_tags(self, tags: dict[str, str]) -> None:
        if not tags:
            self._s3.delete_bucket_tagging(Bucket=self.name)
            return
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        self._s3.put_bucket_tagging(Bucket=self.name, Tagging={"TagSet": pairs})


@dataclass(frozen=True)
class RetainedKey:
    """A KMS key, and the alias that it is found by."""

    stack: StackIdentity
    alias: str
    key_id: str
    deletion_date: str = ""
    """When it will be deleted; empty where it will not be."""

    @classmethod
    def find(cls, stack: StackIdentity, alias: str, key_id: str = "") -> "RetainedKey | None":
        """Returns a key by its id or ARN, or else by its alias; None where there is none.

        AWS's own keys are nobody's to keep.
        """
        try:
            found = stack.client("kms").describe_key(KeyId=key_id or alias)["KeyMetadata"]
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        if found.get("KeyManager") == "AWS":
            return None
        is_going = found["KeyState"] == "PendingDeletion"
        date = f"{found['DeletionDate']:%Y-%m-%d}" if is_going else ""
        return cls(stack, alias, str(found["KeyId"]), date)

    def is_marked(self) -> bool:  # noqa: D102
        pages = self._kms.get_paginator("list_resource_tags").paginate(KeyId=self.key_id)
        tags = {one["TagKey"]: one["TagValue"] for page in pages for one in page["Tags"]}
        return tags.get(MARK) == _VALUE

    def mark(self) -> None:  # noqa: D102
        tag = {"TagKey": MARK, "TagValue": _VALUE}
        self._kms.tag_resource(KeyId=self.key_id, Tags=[tag])
        # A destroy that broke off may have deleted it already.
        if self.find(self.stack, self.alias) is None:
            self._kms.create_alias(AliasName=self.alias, TargetKeyId=self.key_id)

    def unmark(self) -> None:  # noqa: D102
        self._kms.untag_resource(KeyId=self.key_id, TagKeys=[MARK])

    @property
    def mark_command(self) -> str:
        """Marks it by hand."""
        return (
            f"aws kms tag-resource --region {self.stack.region} --key-id {self.key_id} "
            f"--tags TagKey={MARK},TagValue={_VALUE}"
        )

    @property
    def _kms(self) -> Any:
        return self.stack.client("kms")


@dataclass(frozen=True)
class RetainedRole:
    """An IAM role."""

    stack: StackIdentity
    name: str

    def arn(self) -> str | None:
        """Returns its ARN; None where it is not there."""
        try:
            return str(self._iam.get_role(RoleName=self.name)["Role"]["Arn"])
        except ClientError as error:
            if is_missing(error):
                return None
            raise

    def is_marked(self) -> bool:  # noqa: D102
        # A role has at most 50 tags, and a page 100.
        tags = self._iam.list_role_tags(RoleName=self.name, MaxItems=100)["Tags"]
        return {"Key": MARK, "Value": _VALUE} in tags

    def mark(self) -> None:  # noqa: D102
        self._iam.tag_role(RoleName=self.name, Tags=[{"Key": MARK, "Value": _VALUE}])

    def unmark(self) -> None:  # noqa: D102
        self._iam.untag_role(RoleName=self.name, TagKeys=[MARK])

    @property
    def mark_command(self) -> str:
        """Marks it by hand."""
        return f"aws iam tag-role --role-name {self.name} --tags Key={MARK},Value={_VALUE}"

    @property
    def _iam(self) -> Any:
        return self.stack.client("iam")
