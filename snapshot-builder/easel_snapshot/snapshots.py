"""The snapshot of a build: made, waited for, found good, copied."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from easel_snapshot import removal
from easel_snapshot.aws import Aws
from easel_snapshot.clean_ups import CleanUps
from easel_snapshot.errors import SnapshotError
from easel_snapshot.options import RegionalCopy
from easel_snapshot.patience import Patience
from easel_snapshot.plan import Plan
from easel_snapshot.report import Report
from easel_snapshot.tags import (
    ARCHITECTURE,
    BOTTLEROCKET,
    BUILDING,
    COMPLETE,
    DATE,
    KUBERNETES,
    STATE,
    image_tags,
    tag_list,
)

_DESCRIPTION_LENGTH = 255


@dataclass
class BuiltSnapshot:
    """What a build made.

    Attributes:
        snapshot_id: snap-...
        copies: ids of copies by region.
        fast_restore_zones: where volumes will be full at once.
    """

    snapshot_id: str
    copies: dict[str, str] = field(default_factory=dict)
    fast_restore_zones: list[str] = field(default_factory=list)


class Snapshots:
    """The snapshot of one build."""

    def __init__(
        self, aws: Aws, plan: Plan, report: Report, patience: Patience, undo: CleanUps
    ) -> None:
        """Nothing is made yet."""
        self._aws, self._plan, self._report = aws, plan, report
        self._patience, self._undo = patience, undo
        self._id = ""
        self.built: BuiltSnapshot | None = None

    def begin(self, volume_id: str) -> None:
        """Begins the snapshot; from here on it is independent of its volume.

        Args:
            volume_id: of the stopped instance.

        Raises:
            botocore.exceptions.ClientError: AWS refuses.
        """
        # Runs after a success, too: it leaves alone what was found good, and takes a second
        # snapshot that a lost answer may have led to.
        self._push_removal(None)
        images = ", ".join(str(image.reference) for image in self._plan.images)
        self._id = self._aws.ec2.create_snapshot(
            VolumeId=volume_id,
            Description=f"Bottlerocket data volume with {images}"[:_DESCRIPTION_LENGTH],
            TagSpecifications=[{"ResourceType": "snapshot", "Tags": tag_list(self._tags())}],
        )["SnapshotId"]
        self._report.say(f"      {self._id}")

    def finish(self) -> None:
        """Waits for the snapshot and marks it as good.

        Raises:
            SnapshotError: it failed, or takes too long.
        """
        self._await(self._id, None)
        self._aws.ec2.create_tags(Resources=[self._id], Tags=[{"Key": STATE, "Value": COMPLETE}])
        self.built = BuiltSnapshot(self._id)

    def further_steps(self) -> list[tuple[str, Callable[[], None]]]:
        """Returns what was asked for beside, by name."""
        options = self._plan.options
        steps: list[tuple[str, Callable[[], None]]] = [
            (f"copy it to {copy.region}", lambda c=copy: self._copy(c))  # type: ignore[misc]
            for copy in options.copies
        ]
        if options.fast_restore_zones:
            steps.append(("switch fast snapshot restore on", self._restore_fast))
        if edit := self._plan.edit:
            steps.append((f"write it into {edit.path}", lambda: edit.write(self._id)))
        return steps

    def _copy(self, copy: RegionalCopy) -> None:
        assert self.built is not None  # noqa: S101 - steps are in order
        self._push_removal(copy.region)
        ec2 = self._aws.client("ec2", copy.region)
        request: dict[str, Any] = {
            "SourceRegion": self._plan.options.region,
            "SourceSnapshotId": self._id,
            "Description": f"Copy of {self._id} of {self._plan.options.region}",
            "Encrypted": True,
            "TagSpecifications": [{"ResourceType": "snapshot", "Tags": tag_list(self._tags())}],
        }
        if copy.kms_key:
            request["KmsKeyId"] = copy.kms_key
        copied = str(ec2.copy_snapshot(**request)["SnapshotId"])
        self._report.say(f"      {copied}")
        self._await(copied, copy.region)
        ec2.create_tags(Resources=[copied], Tags=[{"Key": STATE, "Value": COMPLETE}])
        self.built.copies[copy.region] = copied

    def _restore_fast(self) -> None:
        assert self.built is not None  # noqa: S101 - steps are in order
        zones = list(self._plan.options.fast_restore_zones)
        answer = self._aws.ec2.enable_fast_snapshot_restores(
            AvailabilityZones=zones, SourceSnapshotIds=[self._id]
        )
        if failed := answer.get("Unsuccessful"):
            raise SnapshotError(f"fast snapshot restore could not be switched on: {failed}")
        self.built.fast_restore_zones = zones

    def _await(self, snapshot_id: str, region: str | None) -> None:
        ec2 = self._aws.client("ec2", region)

        def completed() -> bool | None:
            try:
                (found,) = ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"]
            except ClientError as error:
                # A moment after it was begun EC2 may not know it yet.
                if error.response["Error"]["Code"] == "InvalidSnapshot.NotFound":
                    return None
                raise
            if found["State"] == "error":
                raise SnapshotError(
                    f"{snapshot_id} failed: {found.get('StateMessage', 'no reason given')}"
                )
            self._report.progress(f"{snapshot_id}: {found.get('Progress') or '0%'}")
            return found["State"] == "completed" or None

        self._patience.until(f"the end of {snapshot_id}", completed)

    def _push_removal(self, region: str | None) -> None:
        build = self._plan.build.text
        self._undo.push(
            f"unfinished snapshots in {region or self._plan.options.region}",
            lambda patience: removal.remove_unfinished_snapshots(
                self._aws, build, patience, region
            ),
        )

    def _tags(self) -> dict[str, str]:
        options = self._plan.options
        return {
            **self._plan.tags,
            STATE: BUILDING,
            KUBERNETES: options.kubernetes,
            BOTTLEROCKET: options.bottlerocket,
            ARCHITECTURE: options.architecture,
            DATE: self._plan.build.started.isoformat(timespec="seconds"),
            **image_tags(self._plan.images),
        }
