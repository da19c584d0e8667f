"""What a person asks `easel deploy` for."""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from easel_contract.task import RuntimeType

NONE = "none"
"""What is said for a model or a snapshot that is not wanted."""

DEFAULT_RUNTIME = "sdruntime"

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_STACK = re.compile(r"[a-z][a-z0-9-]{1,18}[a-z0-9]")
_RUNTIME = re.compile(r"[a-z0-9]([a-z0-9-]{0,26}[a-z0-9])?")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SNAPSHOT = re.compile(r"snap-[0-9a-f]{8,17}")


@dataclass(frozen=True)
class DeployOptions:
    """What is asked for; None: what the settings say, else easel's default.

    Attributes:
        region: AWS region, and the folder under envs/; None: the AWS configuration's.
        stack_name: name of the stack.
        dry_run: prepare everything, and end before the apply.
        bucket: name of an existing model bucket.
        snapshot: id of an existing EBS snapshot; `none`: nodes pull their images.
        runtime_name: name of the runtime.
        runtime_type: API of the runtime.
        model: name in the catalogue, file, URL, or OWNER/REPO/FILE of Hugging Face's hub; `none`.
        public_access_cidrs: addresses that reach the cluster's API.
        build_runtime_image: whether a missing runtime's image is built from easel's sample.
        yes: whether no question is asked.
        verify: whether tasks are sent after the apply.
    """

    region: str | None = None
    stack_name: str | None = None
    dry_run: bool = False
    bucket: str | None = None
    snapshot: str | None = None
    runtime_name: str | None = None
    runtime_type: RuntimeType | None = None
    model: str | None = None
    public_access_cidrs: tuple[str, ...] = ()
    build_runtime_image: bool = False
    yes: bool = False
    verify: bool = True
    environments: Path = Path("envs")

    def problems(self) -> list[str]:
        """Returns what is wrong with the arguments, one sentence each; AWS is not asked."""
        return list(self._problems())

    def _problems(self) -> Iterator[str]:
        for option, value, form, example in (
            ("--region", self.region, _REGION, "us-west-2"),
            ("--stack-name", self.stack_name, _STACK, "easel (3 to 20 of a-z, 0-9, -)"),
            ("--runtime-name", self.runtime_name, _RUNTIME, "sdruntime (up to 28 of a-z, 0-9, -)"),
            ("--bucket", self.bucket, _BUCKET, "my-models"),
        ):
            if value is not None and not form.fullmatch(value):
                yield f"{option} {value!r} is not like {example}"
        if self.snapshot not in (None, NONE) and not _SNAPSHOT.fullmatch(str(self.snapshot)):
            yield f"--snapshot {self.snapshot!r} is not like snap-0123456789abcdef0, nor {NONE}"
        for cidr in self.public_access_cidrs:
            try:
                ipaddress.IPv4Network(cidr)
            except ValueError as error:
                yield f"--public-access-cidr {cidr!r} is not like 203.0.113.7/32: {error}"
