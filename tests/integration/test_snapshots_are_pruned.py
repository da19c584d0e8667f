"""`easel snapshot prune`: what killed builds have left, and old snapshots."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from easel_snapshot import leftovers
from easel_snapshot.aws import Aws
from tests.integration.snapshot_world import SnapshotWorld

pytestmark = pytest.mark.integration


class Killed(BaseException):
    """As SIGKILL: not even the clean-up goes on."""


def killed_build(world: SnapshotWorld, at: str) -> str:
    """A build that is killed after a call, with everything it made; returns its id."""
    edge = world.edge()

    def after(_: str, operation: str) -> None:
        if operation == at:
            raise Killed

    def before(_: str, __: str) -> None:
        if at in [name for _, name in edge.calls[:-1]]:
            raise Killed

    edge.after, edge.before = after, before
    with pytest.raises(Killed):
        world.build(edge=edge)
    (role,) = world.client("iam").list_roles(PathPrefix="/easel-snapshot/")["Roles"]
    return str(role["RoleName"]).removeprefix("easel-snapshot-")


def test_what_a_killed_build_left_is_found_by_its_tags(world: SnapshotWorld) -> None:
    build = killed_build(world, "create_snapshot")
    assert {"instance", "volume", "security group", "role"} <= set(world.left())
    later = datetime.now(UTC) + timedelta(hours=2)
    aws = Aws(world.region, world.edge().make)
    found = leftovers.find_leftovers(aws, later)
    assert {one.kind for one in found} == {
        "instance",
        "instance profile",
        "role",
        "security group",
        "unfinished snapshot",
        "volume",
    }
    assert {one.build.text for one in found} == {build}
    assert leftovers.find_leftovers(aws, datetime.now(UTC)) == []
    assert world.run("prune", "--build", build, "--yes").status == 0
    assert world.left() == {}


def test_the_next_build_tells_what_an_earlier_one_left(
    world: SnapshotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = killed_build(world, "stop_instances")
    monkeypatch.setattr("easel_snapshot.build_id._CLEAN_UP_TIME", timedelta(hours=-2))
    said = world.build("--dry-run").said
    assert "an earlier build broke off" in said
    assert f", {build}" in said
    removed = json.loads(world.run("prune", "--yes", "--json").printed)
    assert len(removed["removed"]) >= 5
    assert removed["left"] == []
    assert world.left() == {}


def test_old_snapshots_go_but_not_those_that_a_configuration_names(
    world: SnapshotWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [world.build().printed.strip() for _ in range(3)]
    folder = tmp_path / "envs" / "us-east-1"
    folder.mkdir(parents=True)
    (folder / "terraform.tfvars").write_text(f'snapshot_id = "{names[0]}"\n')
    monkeypatch.chdir(tmp_path)
    assert world.run("prune", "--older-than", "1", "--yes").said.strip() == "nothing to remove"
    dry = world.run("prune", "--older-than", "0", "--dry-run", "--keep", names[1])
    assert names[2] in dry.said
    assert not {names[0], names[1]} & set(dry.said.split())
    assert len(world.snapshots()) == 3
    assert world.run("prune", "--older-than", "0", "--yes", "--keep", names[1]).status == 0
    assert {one["SnapshotId"] for one in world.snapshots()} == set(names[:2])


def test_without_a_terminal_nothing_is_removed_unasked(
    world: SnapshotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.build()
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: PTH123, SIM115
    refused = world.run("prune", "--older-than", "0")
    assert refused.status == 2
    assert "--yes" in refused.said
    assert len(world.snapshots()) == 1
