"""Makes a snapshot, step by step; each step's clean-up is ready before the step begins."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from easel_snapshot import host_commands, removal
from easel_snapshot.access import Access
from easel_snapshot.aws import Aws
from easel_snapshot.clean_ups import CleanUps
from easel_snapshot.errors import SnapshotError
from easel_snapshot.interrupts import Interrupts
from easel_snapshot.launch import DATA_DEVICE, DataVolume, InstanceAccess, launch_request
from easel_snapshot.manifests import ResolvedImage
from easel_snapshot.network import Subnet
from easel_snapshot.patience import Patience
from easel_snapshot.plan import Plan
from easel_snapshot.report import Report
from easel_snapshot.run_command import Instance
from easel_snapshot.snapshots import BuiltSnapshot, Snapshots

_ELSEWHERE = {"InsufficientInstanceCapacity", "Unsupported"}
"""What another zone may have."""

_SECONDS_IN_A_MINUTE: float = 60
_LATE_LOOKS = 3
_SWITCH_OFF_MARGIN_SECONDS = 30 * 60


@dataclass(frozen=True)
class _Step:
    name: str
    do: Callable[[], None]


class Build:
    """One build."""

    def __init__(
        self,
        aws: Aws,
        plan: Plan,
        report: Report,
        interrupts: Interrupts,
        *,
        poll_seconds: float = 5.0,
    ) -> None:
        """Nothing is made yet.

        Args:
            aws: clients.
            plan: what is made.
            report: is told how far it is.
            interrupts: that are installed.
            poll_seconds: between two looks at AWS.
        """
        self._aws, self._plan, self._report, self._interrupts = aws, plan, report, interrupts
        self._poll_seconds = poll_seconds
        self._id = plan.build.text
        self._name = removal.resource_name(self._id)
        self._patience = Patience(
            plan.options.timeout_minutes * _SECONDS_IN_A_MINUTE, poll_seconds=poll_seconds
        )
        self._undo = CleanUps(report, poll_seconds=poll_seconds)
        self._snapshots = Snapshots(aws, plan, report, self._patience, self._undo)
        self._access = Access(aws, plan, self._patience, self._undo)
        self._instance: Instance | None = None
        self._instance_id = ""

    @property
    def left(self) -> list[str]:
        """What could not be removed, with the reasons; known once `run` is over."""
        return self._undo.left

    @property
    def found_good(self) -> BuiltSnapshot | None:
        """The snapshot, as soon as it is good: it stays, also where a later step fails."""
        return self._snapshots.built

    def run(self) -> BuiltSnapshot:
        """Makes the snapshot, and takes away what was needed for it, whatever happens.

        Raises:
            SnapshotError: a step failed.
            botocore.exceptions.ClientError: AWS refused something.
            botocore.exceptions.BotoCoreError: AWS could not be reached.
            InterruptedBuildError: a signal came.
        """
        steps = self._steps()
        try:
            try:
                for number, step in enumerate(steps, start=1):
                    with self._report.step(number, len(steps), step.name):
                        step.do()
            finally:
                self._interrupts.shield()
        finally:
            self._report.say("cleaning up")
            self._undo.run()
        assert self._snapshots.built is not None  # noqa: S101 - the steps have made it
        return self._snapshots.built

    def _steps(self) -> list[_Step]:
        options = self._plan.options
        steps = []
        if options.instance_profile is None:
            steps += [_Step("make the instance's role", self._access.make_role)]
            steps += [_Step("make its instance profile", self._access.make_profile)]
        if options.security_group_id is None:
            steps += [
                _Step("make its security group, which lets nothing in", self._access.make_group)
            ]
        steps += [
            _Step(f"start a {self._plan.instance_type}", self._start),
            _Step("wait until it takes commands", self._await_agent),
            _Step("make it ready", self._prepare),
        ]
        steps += [
            _Step(f"pull {image.reference}", lambda i=image: self._pull(i))  # type: ignore[misc]
            for image in self._plan.images
        ]
        steps += [
            _Step("check that every digest is there, whole and unpacked", self._check),
            _Step("stop the instance", self._stop),
            _Step("begin the snapshot", lambda: self._snapshots.begin(self._volume_id())),
            _Step("wait for the snapshot", self._snapshots.finish),
        ]
        return steps + [_Step(name, do) for name, do in self._snapshots.further_steps()]

    # -- the instance

    def _start(self) -> None:
        self._undo.push(
            "the volumes", lambda patience: removal.remove_volumes(self._aws, self._id, patience)
        )
        self._undo.push("the instance", self._end_instance)
        problems = []
        for number, subnet in enumerate(self._plan.subnets):
            try:
                self._instance_id = self._launch(subnet, f"{self._id}-{number}")
            except ClientError as error:
                if error.response["Error"]["Code"] not in _ELSEWHERE:
                    raise
                problems.append(f"{subnet.zone}: {error.response['Error'].get('Message', '')}")
            else:
                self._instance = Instance(self._aws, self._instance_id, self._patience)
                self._report.say(f"      {self._instance_id} in {subnet.zone}")
                return
        raise SnapshotError("no zone has such an instance:\n" + "\n".join(problems))

    def _launch(self, subnet: Subnet, token: str) -> str:
        plan = self._plan
        request = launch_request(
            ami_id=plan.ami_id,
            instance_type=plan.instance_type,
            subnet=subnet,
            volume=DataVolume(plan.volume_gib, plan.options.kms_key),
            tags=plan.tags,
            access=InstanceAccess(
                self._access.group_id, plan.options.instance_profile or self._name
            ),
        )

        def launched() -> str | None:
            try:
                # With the token, a request whose answer was lost starts no second instance.
                answer = self._aws.ec2.run_instances(ClientToken=token, **request)
            except ClientError as error:
                # EC2 learns of a new profile some seconds later.
                if "iam instance profile" in str(error).lower():
                    return None
                raise
            return str(answer["Instances"][0]["InstanceId"])

        return self._patience.until("that EC2 knows the instance profile", launched)

    def _end_instance(self, patience: Patience) -> None:
        for _ in range(_LATE_LOOKS):
            if removal.remove_instances(self._aws, self._id, patience) or self._instance_id:
                return
            # A request whose answer was lost: EC2 may show the instance a moment later only.
            time.sleep(self._poll_seconds)

    def _await_agent(self) -> None:
        self._agent.await_agent()

    @property
    def _agent(self) -> Instance:
        assert self._instance is not None  # noqa: S101 - steps are in order
        return self._instance

    def _run(self, what: str, script: str) -> str:
        return self._agent.run(what, script, self._report.progress)

    def _prepare(self) -> None:
        seconds = int(self._patience.left) + _SWITCH_OFF_MARGIN_SECONDS
        self._run("making the host ready", host_commands.prepare(seconds))

    def _pull(self, image: ResolvedImage) -> None:
        script = host_commands.pull(image.reference, self._plan.caller)
        self._run(f"pulling {image.reference}", script)

    def _check(self) -> None:
        wrong = []
        for image in self._plan.images:
            output = self._run(f"checking {image.reference}", host_commands.check(image.reference))
            there = host_commands.parse_check(image.reference, output)
            if there.digest != image.digest:
                wrong.append(
                    f"{image.reference} is {there.digest} on the instance, and was {image.digest} "
                    "in its registry when the build began: was it pushed anew? Build again"
                )
            elif not (there.complete and there.unpacked):
                wrong.append(
                    f"{image.reference} is not there whole and unpacked: is the volume full?"
                )
        if wrong:
            raise SnapshotError("\n".join(wrong))

    def _stop(self) -> None:
        # So that Bottlerocket unmounts the volume, and containerd's database is on it.
        self._aws.ec2.stop_instances(InstanceIds=[self._instance_id])
        self._patience.until(f"the stop of {self._instance_id}", self._is_stopped)

    def _is_stopped(self) -> bool | None:
        state = self._agent.state()
        if state in ("shutting-down", "terminated"):
            raise SnapshotError(f"{self._instance_id} is {state}: it was to be stopped")
        return state == "stopped" or None

    def _volume_id(self) -> str:
        (reservation,) = self._aws.ec2.describe_instances(InstanceIds=[self._instance_id])[
            "Reservations"
        ]
        for mapping in reservation["Instances"][0]["BlockDeviceMappings"]:
            if mapping["DeviceName"] == DATA_DEVICE:
                return str(mapping["Ebs"]["VolumeId"])
        raise SnapshotError(f"{self._instance_id} has no volume at {DATA_DEVICE}")
