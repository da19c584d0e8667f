"""Runs scripts on the instance by Systems Manager's Run Command."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from easel_snapshot.aws import Aws
from easel_snapshot.errors import SnapshotError
from easel_snapshot.patience import Patience

_DOCUMENT = "AWS-RunShellScript"
_DELIVERY_SECONDS = 120
_LONGEST_SECONDS = 172_800
_SHOWN = 1500
_GOING_ON = {"Pending", "InProgress", "Delayed"}


class Instance:
    """An instance that takes commands."""

    def __init__(self, aws: Aws, instance_id: str, patience: Patience) -> None:
        """Nothing is called yet.

        Args:
            aws: clients.
            instance_id: i-...
            patience: how long is waited for all of it.
        """
        self._aws = aws
        self._id = instance_id
        self._patience = patience

    def await_agent(self) -> None:
        """Waits until the instance takes commands.

        Raises:
            SnapshotError: it has ended, or does not in time.
        """
        self._patience.until(
            f"that {self._id} reports to Systems Manager (does its subnet let it out? does "
            "Bottlerocket boot on the instance type?)",
            self._is_online,
        )

    def run(self, what: str, script: str, progress: Callable[[str], None]) -> str:
        """Runs a script and waits for its end.

        Args:
            what: it does, in words.
            script: for sh.
            progress: is told what goes on.

        Returns:
            its standard output, 24,000 characters at most.

        Raises:
            SnapshotError: it failed, with the end of what it said, or took too long.
        """
        seconds = str(max(60, min(int(self._patience.left), _LONGEST_SECONDS)))
        request = {
            "InstanceIds": [self._id],
            "DocumentName": _DOCUMENT,
            "Comment": f"easel: {what}"[:100],
            "TimeoutSeconds": _DELIVERY_SECONDS,
            "Parameters": {"commands": script.splitlines(), "executionTimeout": [seconds]},
        }
        # Each script may run twice: so may a request whose answer was lost.
        command = self._patience.until(what, lambda: self._sent(request))

        def ended() -> dict[str, str] | None:
            found = self._invocation(command)
            progress(f"{what}: {found['Status']}")
            return None if found["Status"] in _GOING_ON else found

        invocation = self._patience.until(what, ended)
        if invocation["Status"] != "Success":
            said = (
                invocation["StandardErrorContent"] or invocation["StandardOutputContent"]
            ).strip()
            raise SnapshotError(
                f"{what} failed on {self._id} ({invocation['StatusDetails']}): {said[-_SHOWN:]}"
            )
        return invocation["StandardOutputContent"]

    def _sent(self, request: dict[str, Any]) -> str | None:
        try:
            return str(self._aws.ssm.send_command(**request)["Command"]["CommandId"])
        except ClientError as error:
            # An instance that is online may be unknown to Run Command for a moment.
            if error.response["Error"]["Code"] == "InvalidInstanceId":
                return None
            raise

    def _invocation(self, command: str) -> dict[str, str]:
        try:
            found: dict[str, str] = self._aws.ssm.get_command_invocation(
                CommandId=command, InstanceId=self._id
            )
        except ClientError as error:
            # Not known yet, a moment after it was sent.
            if error.response["Error"]["Code"] == "InvocationDoesNotExist":
                return {"Status": "Pending"}
            raise
        return found

    def _is_online(self) -> bool | None:
        state = self.state()
        if state in ("shutting-down", "terminated", "stopping", "stopped"):
            raise SnapshotError(f"{self._id} is {state} before it could be told anything")
        filters = [{"Key": "InstanceIds", "Values": [self._id]}]
        known = self._aws.ssm.describe_instance_information(Filters=filters)
        return (
            any(one["PingStatus"] == "Online" for one in known["InstanceInformationList"]) or None
        )

    def state(self) -> str:
        """Returns EC2's word for what the instance does, such as running.

        Raises:
            SnapshotError: there is no such instance any more.
        """
        try:
            answer = self._aws.ec2.describe_instances(InstanceIds=[self._id])
        except ClientError as error:
            # A moment after the start EC2 may not know it yet.
            if error.response["Error"]["Code"] == "InvalidInstanceID.NotFound":
                return "pending"
            raise
        for reservation in answer["Reservations"]:
            for instance in reservation["Instances"]:
                return str(instance["State"]["Name"])
        raise SnapshotError(f"{self._id} is gone")
