"""`easel snapshot build`, `list` and `prune`."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError

from easel_contract.plain_text import printable_json, printable_lines
from easel_deploy.command_line import add_command, command_group
from easel_snapshot import catalogue, prices
from easel_snapshot.arguments import (
    SnapshotBuildOptions,
    SnapshotOptions,
    SnapshotPruneOptions,
)
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

_Options = TypeVar("_Options", bound=SnapshotOptions)


def snapshot_commands(aws: Aws | None = None) -> typer.Typer:
    """Returns the commands of `easel snapshot`.

    Args:
        aws: clients; None: of the region that is named or configured.
    """
    group = command_group("Put images into EBS snapshots, for nodes that start quickly.")
    words = "Make a snapshot with these images."
    add_command(group, "build", _told(_build, aws), SnapshotBuildOptions, words)
    words = "List snapshots and what is in them."
    add_command(group, "list", _told(_list, aws), SnapshotOptions, words)
    words = "Delete old snapshots, and what broken builds have left."
    add_command(group, "prune", _told(_prune, aws), SnapshotPruneOptions, words)
    return group


def _told(
    verb: Callable[[_Options, Aws, Report, Interrupts], int], given: Aws | None
) -> Callable[[_Options], int]:
    """Runs a verb.

    Its status: 0 done, 1 failed, 2 refused before anything was made, 128 and the signal's number.
    """

    def run(options: _Options) -> int:
        report = Report()
        try:
            aws = given or Aws(_region(options))
            with Interrupts(report.say) as interrupts:
                return verb(options, aws, report, interrupts)
        except RefusedError as error:
            report.say(f"easel: {error}")
            return _REFUSED
        except (SnapshotError, ClientError, BotoCoreError) as error:
            report.say(f"easel: {error}")
            return _FAILED
        except InterruptedBuildError as error:
            report.say("easel: interrupted")
            return _SIGNALLED + error.signal_number

    return run


def _region(options: SnapshotOptions) -> str:
    region: str | None = options.region or boto3.Session().region_name
    if not region:
        raise RefusedError(["no region: name one by --region, or set AWS_REGION"])
    return region


def _build(asked: SnapshotBuildOptions, aws: Aws, report: Report, interrupts: Interrupts) -> int:
    caller = find_caller(aws)
    options = asked.build_options(aws.region)
    if options.initialization_rate and not options.tfvars:
        raise RefusedError(["--initialization-rate is a setting of nodes: name a file by --write"])
    now = datetime.now(UTC)
    build_id = BuildId.new(now, options.timeout_minutes)
    plan = make_plan(aws, source_of(aws), caller, options, build_id)
    _tell_leftovers(aws, report, now)
    _tell_plan(plan, report)
    if asked.dry_run:
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
    _print_built(plan, built, as_json=asked.json)
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


def _list(options: SnapshotOptions, aws: Aws, report: Report, _: Interrupts) -> int:
    found = catalogue.list_snapshots(aws)
    for one in found:
        if options.json:
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


def _prune(options: SnapshotPruneOptions, aws: Aws, report: Report, _: Interrupts) -> int:
    now = datetime.now(UTC)
    leftovers = find_leftovers(aws, now, options.build)
    old: list[catalogue.ListedSnapshot] = []
    if options.older_than is not None:
        kept = set(options.keep) | catalogue.named_in(Path("envs"))
        old = catalogue.outdated(
            catalogue.list_snapshots(aws), now, older_than_days=options.older_than, kept=kept
        )
    for one in leftovers:
        report.say(f"{one.kind} {one.name}, left by {one.build.text}")
    for snapshot in old:
        report.say(
            f"{snapshot.snapshot_id} of {snapshot.started:%Y-%m-%d}, {snapshot.volume_gib} GiB"
        )
    if not leftovers and not old:
        report.say("nothing to remove")
    elif options.dry_run:
        report.say("dry run: nothing was removed")
    elif options.yes or _agreed():
        return _removed(options, aws, report, leftovers, old)
    else:
        report.say("nothing was removed")
    return _DONE


def _removed(
    options: SnapshotPruneOptions,
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
    if options.json:
        names = [one.name for one in leftovers]
        sys.stdout.write(json.dumps({"removed": names + removed, "left": left}) + "\n")
    return _FAILED if left else _DONE


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise RefusedError(["nobody is there to ask: add --yes"])
    sys.stderr.write("remove all of it? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
