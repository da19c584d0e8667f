"""Keeps the pictures when a stack is destroyed, and takes them over when it is made again.

A bucket that is not empty cannot be destroyed by Terraform, nor should it be: it holds the users'
pictures. So before a destroy the bucket leaves Terraform's state, with the key that its objects are
encrypted with; before an apply that would make the same bucket, both are imported.
"""

import sys

from easel_deploy.environments.retained import Import, Managed, Retained
from easel_deploy.environments.retained_buckets import ManagedBucket
from easel_deploy.environments.retained_marks import Markable, RetainedBucket, RetainedKey
from easel_deploy.environments.stack import StackIdentity, StandsElsewhereError

BUCKET = "module.api_fanout.aws_s3_bucket.output"
KEY = "module.api_fanout.aws_kms_key.this"
ALIAS = "module.api_fanout.aws_kms_alias.this"


def retained_outputs(stack: StackIdentity, managed: Managed) -> Retained | None:
    """Returns what of the outputs a destroy has to keep, or has kept; None where nothing.

    The bucket's name is not asked of the outputs: a destroy that broke off has deleted them first.

    Args:
        stack: the stack.
        managed: what its state has.

    Raises:
        StandsElsewhereError: the bucket is there, and is not this state's.
        botocore.exceptions.ClientError: the bucket cannot be read.
    """
    own = _own(stack, managed)
    bucket = own.bucket
    things: tuple[Markable, ...] = ()
    if own.is_managed:
        if own.is_let_go:
            return None
        things = (bucket,)
    elif not bucket.exists():
        return None
    elif not bucket.is_marked():
        raise own.stands_elsewhere()
    if KEY in managed:
        key = RetainedKey.find(stack, _alias(stack), str(managed[KEY]["key_id"]))
    else:
        key = _left_key(stack, bucket)
    addresses = own.addresses
    # One that somebody has given up goes with the stack, and its alias with it.
    if key and not key.deletion_date:
        addresses += [one for one in (KEY, ALIAS) if one in managed]
        things = (*things, *([key] if KEY in managed else []))
    return Retained(tuple(addresses), things, _reason(stack, bucket, key))


def importable_outputs(stack: StackIdentity, managed: Managed) -> list[Import]:
    """Returns what a destroy has kept and the state does not have; the bucket last.

    Each is looked at by itself: an import may have broken off between them.

    Raises:
        StandsElsewhereError: something is there, and no destroy has kept it.
        botocore.exceptions.ClientError: the bucket is another account's, or cannot be looked at.
    """
    own = _own(stack, managed)
    found = own.importable()
    of_alias = [] if ALIAS in managed else _importable_alias(stack, managed)
    of_key = [] if KEY in managed else _importable_key(stack, own.bucket)
    return [*of_key, *of_alias, *found]


def free_alias(stack: StackIdentity, managed: Managed) -> None:
    """Deletes the alias of a key that is being deleted: the new stack's key gets it.

    Nothing is lost: the key stays as it is, and is found by its id.

    Raises:
        botocore.exceptions.ClientError: key or alias cannot be looked at, or the alias deleted.
    """
    if KEY in managed and ALIAS in managed:
        return
    alias = _alias(stack)
    key = _left_key(stack, _own(stack, managed).bucket)
    if key is None or not key.deletion_date:
        return
    if RetainedKey.find(stack, alias):
        stack.client("kms").delete_alias(AliasName=alias)
    sys.stdout.write(
        f"easel: KMS key {key.key_id} is deleted on {key.deletion_date}, and with it whatever it "
        f"has encrypted can no longer be read.\n  The stack gets a new key, and {alias} with it. "
        "To keep the old one for old pictures:\n"
        f"    {_cancel(key)}\n"
    )


def _importable_alias(stack: StackIdentity, managed: Managed) -> list[Import]:
    alias = _alias(stack)
    key = RetainedKey.find(stack, alias)
    if key is None or key.deletion_date:
        return []
    if KEY in managed and managed[KEY]["key_id"] != key.key_id:
        raise StandsElsewhereError(f"{alias} of another key", stack, _delete_alias(stack))
    return [Import(ALIAS, alias)]


def _importable_key(stack: StackIdentity, bucket: RetainedBucket) -> list[Import]:
    key = _left_key(stack, bucket)
    if key is None or key.deletion_date:
        return []
    if not key.is_marked():
        raise StandsElsewhereError(f"{key.alias}, key {key.key_id},", stack, key.mark_command)
    return [Import(KEY, key.key_id, key)]


def _left_key(stack: StackIdentity, bucket: RetainedBucket) -> RetainedKey | None:
    """A key that the state does not have; where its alias is gone, the bucket still names it."""
    alias = _alias(stack)
    by_alias = RetainedKey.find(stack, alias)
    if by_alias:
        return by_alias
    of_bucket = bucket.key_id()
    return RetainedKey.find(stack, alias, of_bucket) if of_bucket else None


def _own(stack: StackIdentity, managed: Managed) -> ManagedBucket:
    # As modules/api-fanout/bucket.tf has it.
    name = f"{stack.name}-outputs-{stack.account}-{stack.region}"
    return ManagedBucket(stack, managed, BUCKET, name)


def _alias(stack: StackIdentity) -> str:
    return f"alias/{stack.name}-tasks"  # as modules/api-fanout/encryption.tf has it


def _delete_alias(stack: StackIdentity) -> str:
    return f"aws kms delete-alias --region {stack.region} --alias-name {_alias(stack)}"


def _cancel(key: RetainedKey) -> str:
    """Both: a key whose deletion is cancelled is disabled, and decrypts nothing."""
    of_key = f"--region {key.stack.region} --key-id {key.key_id}"
    return f"aws kms cancel-key-deletion {of_key}\n    aws kms enable-key {of_key}"


def _reason(stack: StackIdentity, bucket: RetainedBucket, key: RetainedKey | None) -> str:
    what = (
        f"s3://{bucket.name}: it holds pictures. The next `make apply ENV={stack.region}`\n"
        "    takes it over. To remove it for good: empty it (all versions) and delete it, in the\n"
        "    console."
    )
    if key is None:
        return what
    if key.deletion_date:
        return (
            f"{what} They are encrypted with KMS key {key.key_id}, which is deleted on\n"
            f"    {key.deletion_date}, and cannot be read then. To stop that:\n    {_cancel(key)}"
        )
    return (
        f"{what}\n"
        f"  - KMS key {key.key_id} (1 USD a month) and its alias: without it nobody can read the\n"
        "    pictures. The next apply takes it over, too. To remove it for good, last:\n"
        # In this order: the alias still leads to the key where somebody stops between the two.
        f"    aws kms schedule-key-deletion --region {stack.region} --key-id {key.key_id}\n"
        f"    {_delete_alias(stack)}"
    )
