"""Keeps a stack's own model bucket, as its outputs are kept; a bucket of others is none of ours."""

from easel_deploy.environments.retained import Import, Managed, Retained
from easel_deploy.environments.retained_buckets import ManagedBucket
from easel_deploy.environments.root_module import RootModule
from easel_deploy.environments.stack import StackIdentity

BUCKET = "module.model_bucket[0].aws_s3_bucket.this"


def retained_models(stack: StackIdentity, managed: Managed) -> Retained | None:
    """Returns the model bucket that a destroy has to keep, or has kept; None where there is none.

    Raises:
        botocore.exceptions.ClientError: it cannot be read.
    """
    one = _own(stack, managed)
    if one.is_managed:
        if one.is_let_go:
            return None
        return Retained(tuple(one.addresses), (one.bucket,), _reason(stack, one.bucket.name))
    # One of this name without a mark was made by hand: the stack only read it.
    if one.bucket.exists() and one.bucket.is_marked():
        return Retained((), (), _reason(stack, one.bucket.name))
    return None


def importable_models(root: RootModule, stack: StackIdentity, managed: Managed) -> list[Import]:
    """Returns the model bucket where a destroy has kept it and the next apply would make it.

    Raises:
        TerraformError: the variables cannot be read.
        StandsElsewhereError: it is there, no destroy has kept it, and the apply would make it.
        botocore.exceptions.ClientError: it cannot be looked at.
    """
    one = _own(stack, managed)
    if one.is_managed or not one.bucket.exists():
        return []
    # Terraform is asked last, as it takes a second: most buckets of this name were made by hand.
    return one.importable() if root.evaluate("var.model_bucket != null") else []


def _own(stack: StackIdentity, managed: Managed) -> ManagedBucket:
    # As envs/stack/main.tf has it.
    name = f"{stack.name}-models-{stack.account}-{stack.region}"
    return ManagedBucket(stack, managed, BUCKET, name)


def _reason(stack: StackIdentity, name: str) -> str:
    return (
        f"s3://{name}: it holds models. The next `make apply ENV={stack.region}`\n"
        "    takes it over. To remove it for good: empty it (all versions) and delete it, in the\n"
        "    console."
    )
