"""The options of `easel snapshot`."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from easel_deploy.pins import BOTTLEROCKET, KUBERNETES
from easel_snapshot.machine import Architecture, Variant
from easel_snapshot.options import BuildOptions, RegionalCopy, Tag

_LEAST_MINUTES, _MOST_MINUTES = 5, 360
_LEAST_RATE, _MOST_RATE = 100, 300
_MOST_DAYS = 36500
_MOST_GIB = 16384
"""Of a gp3 volume; https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html"""
_TAG_KEY, _TAG_VALUE = 128, 256

_WHERE = "Where it is built"
_RESULT = "What becomes of it"


@dataclass(frozen=True, kw_only=True)
class SnapshotOptions:
    """What each of the commands takes; `list` takes no more.

    Attributes:
        region: AWS region; None: the AWS configuration's.
        json: the result is printed as JSON.
    """

    region: Annotated[str | None, typer.Option(help="(default: the AWS configuration's)")] = None
    json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False


def _version(text: str) -> str:
    if not re.fullmatch(r"1\.\d{2}", text):
        raise ValueError(f"{text!r} is not like {KUBERNETES}")
    return text


def _copy(text: str) -> RegionalCopy:
    region, _, key = text.partition("=")
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region):
        raise ValueError(f"{region!r} is not like us-west-2")
    return RegionalCopy(region, key or None)


def _tag(text: str) -> Tag:
    key, equals, value = text.partition("=")
    if not key or not equals or len(key) > _TAG_KEY or len(value) > _TAG_VALUE:
        raise ValueError(f"{text!r} is not KEY=VALUE of {_TAG_KEY} and {_TAG_VALUE}")
    if key.lower().startswith("aws:"):
        raise ValueError("tags that begin with aws: are AWS's own")
    return Tag(key, value)


def _where(metavar: str, words: str) -> Any:
    return typer.Option(metavar=metavar, help=words, rich_help_panel=_WHERE)


def _result(metavar: str, words: str, **more: Any) -> Any:
    return typer.Option(metavar=metavar, help=words, rich_help_panel=_RESULT, **more)


@dataclass(frozen=True, kw_only=True)
class SnapshotBuildOptions(SnapshotOptions):
    """What `easel snapshot build` is told; BuildOptions says what each means."""

    images: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE[,IMAGE...]",
            help="as pods name them; without a registry: a repository in this account's ECR",
        ),
    ]
    kubernetes_version: Annotated[
        str, typer.Option(parser=_version, metavar="VERSION", help="minor version")
    ] = KUBERNETES
    bottlerocket_version: Annotated[str, typer.Option(help="of the nodes, or latest")] = (
        BOTTLEROCKET.version
    )
    architecture: Annotated[Architecture, typer.Option(help="of nodes and images")] = "x86_64"
    variant: Annotated[
        Variant,
        typer.Option(
            help="nvidia, as the nodes have it (needs a type with a GPU), or standard, without"
        ),
    ] = "nvidia"
    instance_type: Annotated[
        str | None, typer.Option(help="(default: the smallest that boots the variant)")
    ] = None
    volume_size: Annotated[
        int | None,
        typer.Option(metavar="GIB", min=1, max=_MOST_GIB, help="(default: by the images' sizes)"),
    ] = None
    subnet: Annotated[str | None, _where("SUBNET-ID", "(default: one of the default VPC)")] = None
    vpc: Annotated[str | None, _where("VPC-ID", "one of its subnets that has a way out")] = None
    security_group: Annotated[
        str | None, _where("SG-ID", "(default: a new one that lets nothing in)")
    ] = None
    instance_profile: Annotated[
        str | None, _where("NAME", "(default: a new role for this build alone)")
    ] = None
    permissions_boundary: Annotated[
        str | None, _where("ARN", "of the new role, where the account wants one")
    ] = None
    kms_key: Annotated[str | None, _where("KEY", "(default: the account's key for EBS)")] = None
    tag: Annotated[
        list[Tag],
        typer.Option(parser=_tag, metavar="KEY=VALUE", help="repeatable", rich_help_panel=_WHERE),
    ] = field(default_factory=list)
    timeout: Annotated[
        int,
        typer.Option(
            metavar="MINUTES",
            min=_LEAST_MINUTES,
            max=_MOST_MINUTES,
            help="for all but the clean-up",
        ),
    ] = 60
    copy_to_region: Annotated[
        list[RegionalCopy], _result("REGION[=KMS-KEY]", "repeatable", parser=_copy)
    ] = field(default_factory=list)
    write: Annotated[Path | None, _result("FILE.tfvars", "put it into that file's runtimes")] = None
    runtime: Annotated[
        list[str],
        _result("NAME", "of the file (default: those whose image is in the snapshot); repeatable"),
    ] = field(default_factory=list)
    fast_restore: Annotated[
        str,
        _result(
            "ZONE[,ZONE...]",
            "full volumes at once there, for a charge by the hour (it is printed)",
            show_default=False,
        ),
    ] = ""
    initialization_rate: Annotated[
        int | None,
        _result(
            "MIB/S", "fill nodes' volumes so fast, for a charge", min=_LEAST_RATE, max=_MOST_RATE
        ),
    ] = None
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would be done, make nothing")
    ] = False

    def build_options(self, region: str) -> BuildOptions:
        """Returns what is asked for, in a region."""
        zones = [zone for zone in self.fast_restore.split(",") if zone]
        return BuildOptions(
            images=self.images,
            region=region,
            kubernetes=self.kubernetes_version,
            bottlerocket=self.bottlerocket_version,
            architecture=self.architecture,
            variant=self.variant,
            instance_type=self.instance_type,
            volume_gib=self.volume_size,
            subnet_id=self.subnet,
            vpc_id=self.vpc,
            security_group_id=self.security_group,
            instance_profile=self.instance_profile,
            permissions_boundary=self.permissions_boundary,
            kms_key=self.kms_key,
            timeout_minutes=self.timeout,
            copies=tuple(self.copy_to_region),
            fast_restore_zones=tuple(dict.fromkeys(zones)),
            initialization_rate=self.initialization_rate,
            tags={tag.key: tag.value for tag in self.tag},
            tfvars=self.write,
            runtimes=tuple(self.runtime),
        )


@dataclass(frozen=True, kw_only=True)
class SnapshotPruneOptions(SnapshotOptions):
    """Options of `easel snapshot prune`.

    Attributes:
        older_than: days; good snapshots that are older go, too.
        build: id of a build whose leftovers alone are meant.
        keep: ids of snapshots that stay.
        dry_run: nothing is deleted.
        yes: nobody is asked.
    """

    older_than: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS",
            min=0,
            max=_MOST_DAYS,
            help="delete good snapshots that are older; without it only what broken builds have "
            "left",
        ),
    ] = None
    build: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="leftovers of this build alone, also before its time is over"
        ),
    ] = None
    keep: Annotated[
        list[str], typer.Option(metavar="SNAP-ID", help="never that one; repeatable")
    ] = field(default_factory=list)
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would go, delete nothing")
    ] = False
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False
