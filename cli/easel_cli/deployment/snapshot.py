"""Step of the snapshot: the EBS snapshot that new nodes have their images from."""

from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from easel_cli.deployment.deployment import Deployment
from easel_cli.deployment.images import has_no_registry, named_images
from easel_cli.deployment.options import NONE
from easel_cli.deployment.step import Outcome, State, StepError, Told
from easel_deploy.pins import BOTTLEROCKET, KUBERNETES
from easel_snapshot.aws import Aws
from easel_snapshot.build import Build
from easel_snapshot.build_id import BuildId
from easel_snapshot.caller import find_caller
from easel_snapshot.catalogue import ListedSnapshot, list_snapshots
from easel_snapshot.errors import InterruptedBuildError, SnapshotError
from easel_snapshot.image_sources import source_of
from easel_snapshot.interrupts import Interrupts
from easel_snapshot.options import BuildOptions
from easel_snapshot.plan import make_plan
from easel_snapshot.report import Report
from easel_snapshot.tfvars import plan_edit

_ARCHITECTURE = "x86_64"
"""Of GPU nodes, as charts/sd-runtime has them."""


def snapshot(deployment: Deployment, told: Told) -> Outcome:
    """Finds a snapshot with the images, or builds one, and writes it into the runtimes.

    Raises:
        StepError: the snapshot that is named cannot be used, or none can be built.
    """
    asked, settings = deployment.options.snapshot, deployment.settings
    if asked == NONE:
        return Outcome(State.LEFT_OUT, "no snapshot: a new node pulls its images for minutes")
    aws = Aws(deployment.region)
    try:
        if asked:
            _check_others(deployment, asked)
            _write(deployment, aws, asked, _volume_gib(deployment, asked))
            return Outcome(State.FOUND, f"{asked}, yours")
        if without := [name for name in settings.runtimes if not _snapshot_of(deployment, name)]:
            return _found_or_built(deployment, told, aws, without)
    except (SnapshotError, ClientError, BotoCoreError) as error:
        raise StepError(str(error)) from error
    except InterruptedBuildError as interrupt:
        raise KeyboardInterrupt(str(interrupt)) from interrupt
    return Outcome(State.FOUND, f"every runtime in {settings.path} has one")


def _found_or_built(deployment: Deployment, told: Told, aws: Aws, runtimes: list[str]) -> Outcome:
    if has_no_registry(deployment):
        return Outcome(State.LEFT_OUT, "no node runs on this machine's emulator")
    caller = find_caller(aws)
    wanted = {
        f"{caller.registry.host}/{one.reference}" if one.is_own else one.reference
        for one in named_images(deployment)
    }
    good = next((one for one in list_snapshots(aws) if _holds(one, wanted)), None)
    if good:
        _write(deployment, aws, good.snapshot_id, good.volume_gib, tuple(runtimes))
        return Outcome(State.FOUND, f"{good.snapshot_id}, built {good.started:%Y-%m-%d}")
    options = BuildOptions(
        images=",".join(sorted(wanted)),
        region=deployment.region,
        kubernetes=KUBERNETES,
        bottlerocket=BOTTLEROCKET.version,
        tfvars=deployment.settings.path,
        runtimes=tuple(runtimes),
    )
    build_id = BuildId.new(datetime.now(UTC), options.timeout_minutes)
    report = Report()
    with told.aside(), Interrupts(report.say) as interrupts:
        plan = make_plan(aws, source_of(aws), caller, options, build_id)
        build = Build(aws, plan, report, interrupts, poll_seconds=aws.poll_seconds)
        built = build.run()
    deployment.settings.written.append(f"nodes.snapshot_id = {built.snapshot_id}")
    note = (
        "not everything of the build could be removed: .venv/bin/easel snapshot prune "
        f"--region {deployment.region} --build {plan.build.text}"
    )
    return Outcome(State.DONE, f"{built.snapshot_id} is built", (note,) if build.left else ())


def _holds(found: ListedSnapshot, wanted: set[str]) -> bool:
    names = {image.reference for image in found.images}
    return (
        found.complete
        and found.architecture == _ARCHITECTURE
        and found.bottlerocket == BOTTLEROCKET.version
        and wanted <= names
    )


def _snapshot_of(deployment: Deployment, runtime: str) -> str | None:
    nodes = deployment.settings.runtimes[runtime].members.get("nodes")
    found = nodes.members.get("snapshot_id") if nodes else None
    return found.string if found else None


def _check_others(deployment: Deployment, asked: str) -> None:
    for name in deployment.settings.runtimes:
        if (there := _snapshot_of(deployment, name)) not in (None, asked):
            raise StepError(
                f"{deployment.settings.path} has snapshot_id = {there} for runtime {name}, and "
                f"--snapshot {asked}: leave --snapshot out, or change the line"
            )


def _volume_gib(deployment: Deployment, snapshot_id: str) -> int:
    try:
        (found,) = deployment.client("ec2").describe_snapshots(SnapshotIds=[snapshot_id])[
            "Snapshots"
        ]
    except ClientError as error:
        raise StepError(
            f"--snapshot {snapshot_id} is not in {deployment.region}, or not these credentials' to "
            f"see: {error}"
        ) from error
    if found["State"] != "completed":
        raise StepError(f"--snapshot {snapshot_id} is {found['State']}: wait until it is completed")
    return int(found["VolumeSize"])


def _write(
    deployment: Deployment,
    aws: Aws,
    snapshot_id: str,
    volume_gib: int,
    runtimes: tuple[str, ...] = (),
) -> None:
    chosen = runtimes or tuple(deployment.settings.runtimes)
    edit = plan_edit(
        deployment.settings.path,
        names=set(),
        own=find_caller(aws).registry,
        runtimes=chosen,
        volume_gib=volume_gib,
        initialization_rate=None,
    )
    before = deployment.settings.path.read_bytes()
    edit.write(snapshot_id)
    if deployment.settings.path.read_bytes() != before:
        deployment.settings.written.append(f"nodes.snapshot_id = {snapshot_id}")
