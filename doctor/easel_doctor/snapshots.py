"""Whether the snapshots that nodes start from are whole, and fit on the nodes' volumes."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from easel_doctor.finding import Finding, Problem, fail, found, warn
from easel_doctor.images import reference_of
from easel_doctor.settings import Runtime
from easel_doctor.subject import Subject
from easel_snapshot.tags import BUILD, COMPLETE, STATE, tag_map, tagged_images

_COMPLETED = "completed"
_NOT_THERE = {"InvalidSnapshot.NotFound", "InvalidSnapshotID.Malformed"}


def look_at_snapshots(subject: Subject) -> Finding:
    """Asks EC2 for the snapshots that runtimes name."""
    with_one = {
        name: one.snapshot_id for name, one in subject.settings.runtimes.items() if one.snapshot_id
    }
    if not with_one:
        return found("none is named: nodes pull their images; `easel snapshot build` makes one")
    there = {snapshot: _described(subject, snapshot) for snapshot in set(with_one.values())}
    problems = [
        problem
        for name, snapshot in sorted(with_one.items())
        for problem in _problems(
            subject, name, subject.settings.runtimes[name], snapshot, there[snapshot]
        )
    ]
    sizes = [f"{one} {found['VolumeSize']} GiB" for one, found in sorted(there.items()) if found]
    return found(", ".join(sizes) or "none is there", problems)


def _described(subject: Subject, snapshot_id: str) -> dict[str, Any] | None:
    try:
        found_ones = subject.aws.ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"]
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_THERE:
            return None
        raise
    return found_ones[0] if found_ones else None


def _problems(
    subject: Subject, name: str, runtime: Runtime, snapshot_id: str, there: dict[str, Any] | None
) -> Iterator[Problem]:
    build = f".venv/bin/easel snapshot build, and runtimes.{name}.nodes.snapshot_id"
    who = f"runtime {name}: {snapshot_id}"
    if there is None:
        text = f"{who} is not in {subject.settings.region}: no node of it will start"
        yield fail(text, f"{build} in {subject.tfvars}")
        return
    if there["State"] != _COMPLETED:
        state = f"{there['State']}, {there.get('Progress') or 'no progress told'}"
        make = fail if there["State"] == "error" else warn
        yield make(f"{who} is {state}", f"Wait for it, or {build} again.")
    if there["VolumeSize"] > runtime.data_volume_gib:
        yield fail(
            f"{who} has {there['VolumeSize']} GiB, and its nodes' volume {runtime.data_volume_gib}",
            f"runtimes.{name}.nodes.data_volume_gib = {there['VolumeSize']} in {subject.tfvars}",
        )
    yield from _content_problems(subject, who, runtime, tag_map(there.get("Tags")), build)


def _content_problems(
    subject: Subject, who: str, runtime: Runtime, tags: dict[str, str], build: str
) -> Iterator[Problem]:
    if BUILD not in tags:
        return  # Somebody else's: what is in it only a node can tell.
    if tags.get(STATE) != COMPLETE:
        yield warn(f"{who} is of a build that was not finished", build)
        return
    held = {one.reference for one in tagged_images(tags)}
    image = runtime.image
    if image and None not in held and (name := str(reference_of(subject, image))) not in held:
        yield warn(f"{who} does not hold {name}: nodes pull it", build)
