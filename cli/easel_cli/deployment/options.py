"""What a person asks `easel deploy` for."""

import difflib
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from easel_cli.deployment.model_catalogue import CATALOGUE
from easel_cli.env_new import ENVIRONMENTS, known_regions
from easel_contract.task import RuntimeType

NONE = "none"
"""What is said for a model or a snapshot that is not wanted."""

DEFAULT_RUNTIME = "sdruntime"

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_STACK = re.compile(r"[a-z][a-z0-9-]{1,18}[a-z0-9]")
_RUNTIME = re.compile(r"[a-z0-9]([a-z0-9-]{0,26}[a-z0-9])?")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SNAPSHOT = re.compile(r"snap-[0-9a-f]{8,17}")
_URL = re.compile(r"https?://.+")
_HUB_FILE = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*){2,}")


@dataclass(frozen=True, kw_only=True)
class DeployOptions:
    """Options of `easel deploy`; None: what the settings say, else easel's default.

    Attributes:
        region: AWS region, and the folder under envs/; None: the AWS configuration's.
        stack_name: name of the stack.
        dry_run: prepare everything, and end before the apply.
        bucket: name of an existing model bucket.
        snapshot: id of an existing EBS snapshot; `none`: nodes pull their images.
        runtime_name: name of the runtime.
        runtime_type: API of the runtime.
        model: name in the catalogue, file, URL, or OWNER/REPO/FILE of Hugging Face's hub; `none`.
        public_access_cidr: addresses that reach the cluster's API.
        build_runtime_image: whether a missing runtime's image is built from easel's sample.
        yes: whether no question is asked.
        verify: whether tasks are sent after the apply.
    """

    region: Annotated[
        str | None,
        typer.Option(
            "--region", "-R", metavar="REGION", help="AWS region (default: the AWS configuration's)"
        ),
    ] = None
    stack_name: Annotated[
        str | None,
        typer.Option(
            "--stack-name",
            "-n",
            metavar="NAME",
            help="name of the stack (default: the settings' own)",
        ),
    ] = None
    runtime_name: Annotated[
        str | None,
        typer.Option(
            "--runtime-name", "-r", metavar="NAME", help=f"name of it (default: {DEFAULT_RUNTIME})"
        ),
    ] = None
    runtime_type: Annotated[
        RuntimeType | None,
        typer.Option("--runtime-type", "-t", help="type of it (default: sdwebui)"),
    ] = None
    bucket: Annotated[
        str | None,
        typer.Option(
            "--bucket",
            "-b",
            metavar="BUCKET",
            help="model bucket of yours (default: the stack's own)",
        ),
    ] = None
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help=f"{', '.join(CATALOGUE)}, file, URL, OWNER/REPO/FILE of Hugging Face, or {NONE}; "
            "accepts the model's licence (default: ask)",
        ),
    ] = None
    snapshot: Annotated[
        str | None,
        typer.Option(
            "--snapshot",
            "-s",
            metavar="SNAP-ID",
            help=f"EBS snapshot with the images, or {NONE} (default: build it)",
        ),
    ] = None
    build_runtime_image: Annotated[
        bool,
        typer.Option(
            "--build-runtime-image",
            help="build easel's sample of a runtime's image that is missing",
        ),
    ] = False
    public_access_cidr: Annotated[
        list[str],
        typer.Option(
            help="addresses that reach the cluster's API (default: this machine's); repeatable",
            metavar="CIDR",
        ),
    ] = field(default_factory=list)
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-d", help="prepare everything, deploy nothing")
    ] = False
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask before the apply")] = False
    verify: Annotated[bool, typer.Option(help="send requests after the apply")] = True

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
        if self.model is not None and not _is_model(self.model):
            yield (
                f"--model {self.model!r} is neither a file that is there nor one of "
                f"{', '.join([*CATALOGUE, NONE])}, a URL or OWNER/REPO/FILE of Hugging Face"
            )
        for cidr in self.public_access_cidr:
            try:
                ipaddress.IPv4Network(cidr)
            except ValueError as error:
                yield f"--public-access-cidr {cidr!r} is not like 203.0.113.7/32: {error}"


def unknown_region(region: str) -> str | None:
    """Returns why a region is most likely a slip; None where EKS is there, or a folder for it.

    Args:
        region: its name.
    """
    known = known_regions()
    if region in known or (ENVIRONMENTS / region).is_dir():
        return None
    near = difflib.get_close_matches(region, known, n=1)
    meant = f" Is {near[0]} meant?" if near else ""
    return (
        f"EKS is not known to be in {region}.{meant} For a newer region, first: "
        f".venv/bin/easel env new {region}"
    )


def _is_model(asked: str) -> bool:
    if asked in CATALOGUE or asked == NONE or _URL.fullmatch(asked):
        return True
    return Path(asked).expanduser().is_file() or _HUB_FILE.fullmatch(asked) is not None
