"""Keeps the pictures when a stack is destroyed, and takes them over when it is made again.

A bucket that is not empty cannot be destroyed by Terraform, nor should it be: it holds the users'
pictures. So before a destroy the bucket leaves Terraform's state, with the key that its objects are
encrypted with; before an apply that would make the same bucket, both are imported.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from easel_cli.environments.root_module import RootModule, TerraformError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "module.api_fanout.aws_s3_bucket.output"
KEY = "module.api_fanout.aws_kms_key.this"
ALIAS = "module.api_fanout.aws_kms_alias.this"

_SETTINGS = "module.api_fanout.aws_s3_bucket_"
_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard"})
_NOT_FOUND = frozenset({"404", "NoSuchBucket", "NotFoundException"})


@dataclass(frozen=True)
class Kept:
    """What a destroy leaves, and why."""

    bucket: str
    addresses: tuple[str, ...]

    def explain(self, region: str) -> str:
        """Returns the reason, and how to remove it for good."""
        return (
            f"s3://{self.bucket}: it holds pictures. Its KMS key (1 USD a month) stays, too:\n"
            "    without it nobody can read them. The next "
            f"`make apply ENV={region}` takes both over.\n"
            "    To remove them for good: empty and delete the bucket in the console (all\n"
            "    versions), then schedule the key's deletion."
        )


def kept_by_destroy(root: RootModule, region: str) -> Kept | None:
    """Returns what has to leave the state before a destroy, or None where nothing has.

    Args:
        root: the environment.
        region: AWS region of the stack.

    Raises:
        TerraformError: the state cannot be read.
        botocore.exceptions.ClientError: the bucket cannot be read.
    """
    bucket = root.outputs().get("output_bucket")
    if not bucket or root.evaluate("var.output_bucket.force_destroy"):
        return None
    s3: S3Client = boto3.client("s3", region_name=region, config=_CONFIG)
    if is_empty(s3, bucket):
        return None
    # None of them where an earlier destroy has got no further than this: it is kept all the same.
    kept = [
        one for one in root.resources() if one in {BUCKET, KEY, ALIAS} or one.startswith(_SETTINGS)
    ]
    return Kept(bucket, tuple(kept))


def is_empty(s3: "S3Client", bucket: str) -> bool:
    """Returns whether a bucket holds no object, in no version; one that is gone is empty."""
    try:
        found = s3.list_object_versions(Bucket=bucket, MaxKeys=1)
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_FOUND:
            return True
        raise
    return not (found.get("Versions") or found.get("DeleteMarkers"))


def adopt(root: RootModule) -> list[str]:
    """Imports the bucket and the key that an earlier destroy has kept.

    Returns:
        What was imported; nothing where the state has the bucket, or there is none.

    Raises:
        TerraformError: an import failed.
        botocore.exceptions.ClientError: the bucket is another account's, or cannot be looked at.
    """
    if BUCKET in root.resources():
        return []
    stack = root.evaluate("{ name = var.name, region = var.region }")
    name, region = stack["name"], stack["region"]
    account = boto3.client("sts", region_name=region, config=_CONFIG).get_caller_identity()[
        "Account"
    ]
    bucket = f"{name}-outputs-{account}-{region}"  # as modules/api-fanout/bucket.tf has it
    s3: S3Client = boto3.client("s3", region_name=region, config=_CONFIG)
    if not _exists(s3, bucket, account):
        return []
    imports = {BUCKET: bucket}
    kms: Any = boto3.client("kms", region_name=region, config=_CONFIG)
    if key := _key(kms, f"alias/{name}-tasks"):
        imports |= {KEY: key, ALIAS: f"alias/{name}-tasks"}
    for address, identity in imports.items():
        root.run("import", "-input=false", address, identity)
    return list(imports.values())


def _exists(s3: "S3Client", bucket: str, account: str) -> bool:
    try:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_FOUND:
            return False
        raise
    return True


def _key(kms: Any, alias: str) -> str | None:
    try:
        key = kms.describe_key(KeyId=alias)["KeyMetadata"]
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_FOUND:
            return None
        raise
    return str(key["KeyId"]) if key.get("KeyState") == "Enabled" else None


def main(arguments: list[str]) -> int:
    """Runs `python -m easel_cli.environments.kept_outputs adopt FOLDER`."""
    if len(arguments) != 2 or arguments[0] != "adopt":  # noqa: PLR2004
        sys.stderr.write("usage: python -m easel_cli.environments.kept_outputs adopt envs/REGION\n")
        return 2
    try:
        adopted = adopt(RootModule(Path(arguments[1])))
    except (TerraformError, ClientError, BotoCoreError) as error:
        sys.stderr.write(f"easel: {error}\n")
        return 1
    if adopted:
        sys.stdout.write(f"easel: taken over from an earlier stack: {', '.join(adopted)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
