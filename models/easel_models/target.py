"""Which bucket a command is about, and which stack it is for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from easel_models.bucket import ModelBucket, connect
from easel_models.errors import UsageError
from easel_models.options import BucketOptions

StackOutputs = Callable[[str | None, Path | None], Mapping[str, Any]]
"""Reads a stack's outputs: of a folder under envs/, or of a file."""


@dataclass(frozen=True)
class Target:
    """A bucket and what uses it.

    Attributes:
        bucket: that models are in.
        region: of the stack.
        runtimes: type and `model_filename` by the runtime's name; none where no stack was named.
    """

    bucket: ModelBucket
    region: str
    runtimes: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)


def find_target(options: BucketOptions, outputs_of: StackOutputs, parallel: int) -> Target:
    """Finds the bucket that the options name, or that a stack has.

    Args:
        options: that name a bucket or a stack.
        outputs_of: reads a stack's outputs.
        parallel: requests that will be under way at once.

    Raises:
        UsageError: the options do not say which bucket.
    """
    outputs: Mapping[str, Any] = {}
    if options.env or options.outputs or not options.bucket:
        outputs = outputs_of(options.env, options.outputs)
    name = options.bucket or outputs.get("model_bucket")
    if not name:
        raise UsageError(
            "this stack has no model bucket, or was not applied yet: name one by --bucket and "
            "its stack's region by --region."
        )
    region = options.region or outputs.get("region") or boto3.Session().region_name
    if not region:
        raise UsageError("say the region of the stack: --region, such as --region us-east-1.")
    return Target(
        ModelBucket(connect(region, parallel), name, options.prefix),
        region,
        {
            runtime: (str(one.get("type", "")), one.get("model_filename"))
            for runtime, one in (outputs.get("runtimes") or {}).items()
        },
    )
