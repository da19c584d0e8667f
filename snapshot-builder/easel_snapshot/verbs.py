"""`easel snapshot build`, `list` and `prune`."""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from easel_contract.plain_text import printable_json, printable_lines
from easel_snapshot import catalogue, prices
from easel_snapshot.arguments import add_actions, build_options
from easel_snapshot.aws import Aws
from easel_snapshot.build import Build
from easel_snapshot.build_id import BuildId
from easel_snapshot.caller import find_caller
from easel_snapshot.errors import InterruptedBuildError, RefusedError, SnapshotError
from easel_snapshot.image_sources import source_of
from easel_snapshot.interrupts import Interrupts
from easel_snapshot.leftovers import find_leftovers, remove_leftovers
from easel_snapshot.plan import Plan, make_plan
from easel_snapshot.report import Report
from easel_snapshot.snapshots import BuiltSnapshot

_DONE, _FAILED, _REFUSED = 0, 1, 2
_SIGNALLED = 128
_GIB = 1024**3


def add_snapshot(verb: argparse.ArgumentParser) -> None:
    """Adds the actions of `easel snapshot` to its parser."""
    add_actions(verb)
    verb.set_defaults(command=run_snapshot_verb)


def run_snapshot_verb(arguments: argparse.Namespace, aws: Aws | None = None) -> int:
    """Runs one of them.

    Args:
        arguments: of the parser.
        aws: clients; None: of the region that was named or configured.

    Returns:
        0 done, 1 failed, 2 refused before anything was made, 128 and the signal's number.
    """
    report = Report()
    try:
        aws = aws or Aws(_region(arguments))
        action = {"build": _build, "list": _list, "prune": _prune}[arguments.snapshot_action]
        with Interrupts(report.say) as interrupts:
            return action(arguments, aws, report, interrupts)
    except RefusedError as error:
        report.say(f"easel: {error}")
        return _REFUSED
    except (SnapshotError, ClientError, BotoCoreError) as error:
        report.say(f"easel: {error}")
        return _FAILED
    except InterruptedBuildError as error:
        report.say("easel: interrupted")
        return _SIGNALLED + error.signal_number


def _region(arguments: argparse.Namespace) -> str:
    region: str | None = arguments.region or boto3.Session().region_name
    if not region:
        raise RefusedError(["no region: name one by --region, or set AWS_REGION"])
    return region


def _build(arguments: argparse.Namespace, aws: Aws, report: Report, interrupts: Interrupts) -> int:
    caller = find_caller(aws)
    options = build_options(arguments, aws.region)
    if options.initialization_rate and not options.tfvars:
        raise RefusedError(["--initialization-rate is a setting of nodes: name a file by --write"])
    now = datetime.now(UTC)
    build_id = BuildId.new(now, options.timeout_minutes)
    plan = make_plan(aws, source_of(aws), caller, options, build_id)
    _tell_leftovers(aws, report, now)
    _tell_plan(plan, report)
    if arguments.dry_run:
        report.say("dry run: nothing was made")
        return _DONE
    build = Build(aws, plan, report, interrupts, poll_seconds=aws.poll_seconds)
    try:
        built = build.run()
    finally:
        if build.left:
            report.say(
                f"not everything could be removed, and it costs money; try again: "
                f"easel snapshot prune --region {aws.region} --build {plan.build.text}"
            )
        if build.found_good:
            report.say(f"the snapshot is good: {build.found_good.snapshot_id}")
    _print_built(plan, built, as_json=arguments.json)
    return _FAILED if build.left else _DONE


def _tell_leftovers(aws: Aws, report: Report, now: datetime) -> None:
    try:
        found = find_leftovers(aws, now)
    except ClientError as error:
        report.say(f"note: leftovers of earlier builds could not be looked for: {error}")
        return
    if found:
        report.say("an earlier build broke off and left things that cost money:")
        report.say("\n".join(f"  {one.kind} {one.name}, {one.build.text}" for one in found))
        report.say(f"remove them by: easel snapshot prune --region {aws.region}")


def _tell_plan(plan: Plan, report: Report) -> None:
    options = plan.options
    report.say(
        f"build {plan.build.text}: {len(plan.images)} images, "
        f"{plan.compressed_bytes / _GIB:.1f} GiB compressed, onto {plan.volume_gib} GiB; a "
        f"{plan.instance_type} in {plan.subnets[0].subnet_id} ({plan.subnets[0].zone}), "
        f"Bottlerocket {options.bottlerocket} for Kubernetes {options.kubernetes}, {plan.ami_id}"
    )
    for image in plan.images:
        report.say(f"  {image.reference} is {image.digest}")
    if options.fast_restore_zones:
        report.say(prices.fast_restore_price(options.region, len(options.fast_restore_zones)))
    if options.initialization_rate:
        report.say(
            prices.initialization_price(
                options.region, plan.volume_gib, options.initialization_rate
            )
        )
    for note in plan.notes:
        report.say(f"note: {note}")


def _print_built(plan: Plan, built: BuiltSnapshot, *, as_json: bool) -> None:
    options = plan.options
    if not as_json:
        sys.stdout.write(f"{built.snapshot_id}\n")
        return
    document = {
        "snapshot_id": built.snapshot_id,
        "region": options.region,
        "build": plan.build.text,
        "volume_gib": plan.volume_gib,
        "kubernetes_version": options.kubernetes,
        "bottlerocket_version": options.bottlerocket,
        "architecture": options.architecture,
        "images": [{"reference": str(i.reference), "digest": i.digest} for i in plan.images],
        "copies": built.copies,
        "fast_restore_zones": built.fast_restore_zones,
        "written": str(plan.edit.path) if plan.edit else None,
    }
    sys.stdout.write(json.dumps(document) + "\n")


def _list(arguments: argparse.Namespace, aws: Aws, report: Report, _: Interrupts) -> int:
    found = catalogue.list_snapshots(aws)
    for one in found:
        if arguments.json:
            sys.stdout.write(printable_json(one.as_json()) + "\n")
            continue
        state = "" if one.complete else "  NOT COMPLETE"
        line = (
            f"{one.snapshot_id}  {one.started:%Y-%m-%d %H:%M}  {one.volume_gib} GiB  Kubernetes "
            f"{one.kubernetes}  Bottlerocket {one.bottlerocket}  {one.architecture}{state}"
        )
        names = [f"    {image.reference or image.digest}" for image in one.images]
        sys.stdout.write(printable_lines("\n".join([line, *names])) + "\n")
    if not found:
        report.say(f"no snapshot of easel's in {aws.region}")
    _tell_leftovers(aws, report, datetime.now(UTC))
    return _DONE


def _prune(arguments: argparse.Namespace, aws: Aws, report: Report, _: Interrupts) -> int:
    now = datetime.now(UTC)
    leftovers = find_leftovers(aws, now, arguments.build)
    old: list[catalogue.ListedSnapshot] = []
    if arguments.older_than is not None:
        kept = set(arguments.keep) | catalogue.named_in(Path("envs"))
        old = catalogue.outdated(
            catalogue.list_snapshots(aws), now, older_than_days=arguments.older_than, kept=kept
        )
    for one in leftovers:
        report.say(f"{one.kind} {one.name}, left by {one.build.text}")
    for snapshot in old:
        report.say(
            f"{snapshot.snapshot_id} of {snapshot.started:%Y-%m-%d}, {snapshot.volume_gib} GiB"
        )
    if not leftovers and not old:
        report.say("nothing to remove")
    elif arguments.dry_run:
        report.say("dry run: nothing was removed")
    elif arguments.yes or _agreed():
        return _removed(arguments, aws, report, leftovers, old)
    else:
        report.say("nothing was removed")
    return _DONE


def _removed(
    arguments: argparse.Namespace,
    aws: Aws,
    report: Report,
    leftovers: list[Any],
    old: list[catalogue.ListedSnapshot],
) -> int:
    left = remove_leftovers(aws, leftovers, report, poll_seconds=aws.poll_seconds)
    removed = []
    for snapshot in old:
        try:
            aws.ec2.delete_snapshot(SnapshotId=snapshot.snapshot_id)
            removed.append(snapshot.snapshot_id)
        except ClientError as error:
            left.append(f"{snapshot.snapshot_id}: {error}")
            report.say(f"could not remove {snapshot.snapshot_id}: {error}")
    if arguments.json:
        names = [one.name for one in leftovers]
        sys.stdout.write(json.dumps({"removed": names + removed, "left": left}) + "\n")
    return _FAILED if left else _DONE


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise RefusedError(["nobody is there to ask: add --yes"])
    sys.stderr.write("remove all of it? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
