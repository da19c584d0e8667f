"""The snapshots that are there, and which of them may go."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from easel_snapshot.aws import Aws
from easel_snapshot.tags import (
    ARCHITECTURE,
    BOTTLEROCKET,
    BUILD,
    COMPLETE,
    KUBERNETES,
    STATE,
    TaggedImage,
    tag_map,
    tagged_images,
)

_SNAPSHOT = re.compile(r"snap-[0-9a-f]{8,17}\b")
_CONFIGURATIONS = ("*.tfvars", "*.yaml", "*.yml")
_LARGEST_FILE = 1024 * 1024


@dataclass(frozen=True)
class ListedSnapshot:
    """A snapshot of easel's.

    Attributes:
        snapshot_id: snap-...
        started: UTC.
        volume_gib: size of its volume; a node's cannot be smaller.
        complete: found good, and finished.
        kubernetes: minor version.
        bottlerocket: release, or latest.
        architecture: x86_64 or arm64.
        images: that it holds.
    """

    snapshot_id: str
    started: datetime
    volume_gib: int
    complete: bool
    kubernetes: str
    bottlerocket: str
    architecture: str
    images: list[TaggedImage]

    def as_json(self) -> dict[str, Any]:
        """Returns it for `--json`."""
        return {
            "snapshot_id": self.snapshot_id,
            "started": self.started.isoformat(),
            "volume_gib": self.volume_gib,
            "complete": self.complete,
            "kubernetes_version": self.kubernetes,
            "bottlerocket_version": self.bottlerocket,
            "architecture": self.architecture,
            "images": [{"reference": one.reference, "digest": one.digest} for one in self.images],
        }


def list_snapshots(aws: Aws) -> list[ListedSnapshot]:
    """Returns easel's snapshots of a region, the newest first.

    Raises:
        botocore.exceptions.ClientError: AWS refuses to tell.
    """
    pages = aws.ec2.get_paginator("describe_snapshots").paginate(
        OwnerIds=["self"], Filters=[{"Name": "tag-key", "Values": [BUILD]}]
    )
    found = [_listed(one) for page in pages for one in page["Snapshots"]]
    return sorted(found, key=lambda one: one.started, reverse=True)


def outdated(
    snapshots: Iterable[ListedSnapshot], now: datetime, *, older_than_days: int, kept: set[str]
) -> list[ListedSnapshot]:
    """Returns those that may be deleted: good ones that are old and that nobody names.

    Args:
        snapshots: of list_snapshots.
        now: in UTC.
        older_than_days: days since their start.
        kept: ids that stay.
    """
    limit = now - timedelta(days=older_than_days)
    return [
        one
        for one in snapshots
        if one.complete and one.started < limit and one.snapshot_id not in kept
    ]


def named_in(folder: Path) -> set[str]:
    """Returns the ids of snapshots that configurations below a folder name, also in comments.

    Args:
        folder: envs/ of a checkout; it need not be there.
    """
    found: set[str] = set()
    for pattern in _CONFIGURATIONS:
        for file in folder.glob(f"*/{pattern}"):
            if file.stat().st_size <= _LARGEST_FILE:
                found |= set(_SNAPSHOT.findall(file.read_text(encoding="utf-8", errors="replace")))
    return found


def _listed(snapshot: dict[str, Any]) -> ListedSnapshot:
    tags = tag_map(snapshot.get("Tags"))
    return ListedSnapshot(
        snapshot_id=str(snapshot["SnapshotId"]),
        started=snapshot["StartTime"].astimezone(UTC),
        volume_gib=int(snapshot["VolumeSize"]),
        complete=tags.get(STATE) == COMPLETE and snapshot["State"] == "completed",
        kubernetes=tags.get(KUBERNETES, "?"),
        bottlerocket=tags.get(BOTTLEROCKET, "?"),
        architecture=tags.get(ARCHITECTURE, "?"),
        images=tagged_images(tags),
    )
