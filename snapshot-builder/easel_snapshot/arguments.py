"""The command line of `easel snapshot`."""

import argparse
import re
from pathlib import Path

from easel_deploy.pins import BOTTLEROCKET, KUBERNETES
from easel_snapshot.machine import ARCHITECTURES, VARIANTS
from easel_snapshot.options import BuildOptions, RegionalCopy

_LEAST_MINUTES, _MOST_MINUTES = 5, 360
_LEAST_RATE, _MOST_RATE = 100, 300
_TAG_KEY, _TAG_VALUE = 128, 256


def add_actions(verb: argparse.ArgumentParser) -> None:
    """Adds build, list and prune below a parser."""
    verb.description = "EBS snapshots that hold container images, for nodes that start quickly."
    actions = verb.add_subparsers(dest="snapshot_action", required=True)
    for name, words, add in (
        ("build", "make a snapshot with these images", _add_build),
        ("list", "list snapshots and what is in them", lambda _: None),
        ("prune", "delete old snapshots, and what broken builds have left", _add_prune),
    ):
        action = actions.add_parser(name, help=words, description=words)
        action.add_argument("--region", help="default: the AWS configuration's")
        action.add_argument("--json", action="store_true", help="print the result as JSON")
        add(action)


def build_options(arguments: argparse.Namespace, region: str) -> BuildOptions:
    """Returns what `build` is asked for.

    Args:
        arguments: of its parser.
        region: of the build.
    """
    return BuildOptions(
        images=arguments.images,
        region=region,
        kubernetes=arguments.kubernetes_version,
        bottlerocket=arguments.bottlerocket_version,
        architecture=arguments.architecture,
        variant=arguments.variant,
        instance_type=arguments.instance_type,
        volume_gib=arguments.volume_size,
        subnet_id=arguments.subnet,
        vpc_id=arguments.vpc,
        security_group_id=arguments.security_group,
        instance_profile=arguments.instance_profile,
        permissions_boundary=arguments.permissions_boundary,
        kms_key=arguments.kms_key,
        timeout_minutes=arguments.timeout,
        copies=tuple(arguments.copy_to_region),
        fast_restore_zones=tuple(dict.fromkeys(arguments.fast_restore)),
        initialization_rate=arguments.initialization_rate,
        tags=dict(arguments.tag),
        tfvars=arguments.write,
        runtimes=tuple(arguments.runtime),
    )


def _add_build(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "images",
        metavar="IMAGE[,IMAGE...]",
        help="as pods name them; without a registry: a repository in this account's ECR",
    )
    action.add_argument("--kubernetes-version", default=KUBERNETES, type=_version)
    action.add_argument(
        "--bottlerocket-version",
        default=BOTTLEROCKET.version,
        help=f"of the nodes (default: {BOTTLEROCKET.version}), or latest",
    )
    action.add_argument("--architecture", choices=ARCHITECTURES, default=ARCHITECTURES[0])
    action.add_argument(
        "--variant",
        choices=VARIANTS,
        default=VARIANTS[0],
        help="nvidia, as the nodes have it (needs a type with a GPU), or standard, without",
    )
    action.add_argument("--instance-type", help="default: the smallest that boots the variant")
    action.add_argument(
        "--volume-size", type=int, metavar="GIB", help="default: by the images' sizes"
    )
    _add_network(action)
    action.add_argument(
        "--timeout",
        type=_minutes,
        default=60,
        metavar="MINUTES",
        help=f"{_LEAST_MINUTES} to {_MOST_MINUTES} (default: 60)",
    )
    _add_results(action)


def _add_network(action: argparse.ArgumentParser) -> None:
    where = action.add_argument_group("where it is built")
    where.add_argument("--subnet", metavar="SUBNET-ID", help="default: one of the default VPC")
    where.add_argument("--vpc", metavar="VPC-ID", help="one of its subnets that has a way out")
    where.add_argument(
        "--security-group", metavar="SG-ID", help="default: a new one that lets nothing in"
    )
    where.add_argument(
        "--instance-profile", metavar="NAME", help="default: a new role for this build alone"
    )
    where.add_argument(
        "--permissions-boundary", metavar="ARN", help="of the new role, where the account wants one"
    )
    where.add_argument("--kms-key", metavar="KEY", help="default: the account's key for EBS")
    where.add_argument("--tag", type=_tag, action="append", default=[], metavar="KEY=VALUE")


def _add_results(action: argparse.ArgumentParser) -> None:
    result = action.add_argument_group("what becomes of it")
    result.add_argument(
        "--copy-to-region",
        type=_copy,
        action="append",
        default=[],
        metavar="REGION[=KMS-KEY]",
        help="repeatable",
    )
    result.add_argument(
        "--write", type=Path, metavar="FILE.tfvars", help="put it into that file's runtimes"
    )
    result.add_argument(
        "--runtime",
        action="append",
        default=[],
        metavar="NAME",
        help="of the file (default: those whose image is in the snapshot); repeatable",
    )
    result.add_argument(
        "--fast-restore",
        type=lambda text: text.split(","),
        default=[],
        metavar="ZONE[,ZONE...]",
        help="full volumes at once there, for a charge by the hour (it is printed)",
    )
    result.add_argument(
        "--initialization-rate",
        type=_rate,
        metavar="MIB/S",
        help=f"{_LEAST_RATE} to {_MOST_RATE}: fill nodes' volumes so fast, for a charge",
    )
    result.add_argument(
        "--dry-run", action="store_true", help="say what would be done, make nothing"
    )


def _add_prune(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "--older-than",
        type=_days,
        metavar="DAYS",
        help="delete good snapshots that are older; without it only what broken builds have left",
    )
    action.add_argument(
        "--build", metavar="ID", help="leftovers of this build alone, also before its time is over"
    )
    action.add_argument(
        "--keep", action="append", default=[], metavar="SNAP-ID", help="never that one; repeatable"
    )
    action.add_argument("--dry-run", action="store_true", help="say what would go, delete nothing")
    action.add_argument("--yes", action="store_true", help="do not ask")


def _version(text: str) -> str:
    if not re.fullmatch(r"1\.\d{2}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not like {KUBERNETES}")
    return text


def _minutes(text: str) -> int:
    return _whole(text, _LEAST_MINUTES, _MOST_MINUTES)


def _rate(text: str) -> int:
    return _whole(text, _LEAST_RATE, _MOST_RATE)


def _days(text: str) -> int:
    return _whole(text, 0, 36500)


def _whole(text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
    return int(text)


def _copy(text: str) -> RegionalCopy:
    region, _, key = text.partition("=")
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region):
        raise argparse.ArgumentTypeError(f"{region!r} is not like us-west-2")
    return RegionalCopy(region, key or None)


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals or len(key) > _TAG_KEY or len(value) > _TAG_VALUE:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not KEY=VALUE of {_TAG_KEY} and {_TAG_VALUE}"
        )
    if key.lower().startswith("aws:"):
        raise argparse.ArgumentTypeError("tags that begin with aws: are AWS's own")
    return key, value
