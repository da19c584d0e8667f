"""A build that breaks off, wherever it does, leaves nothing: errors, lost answers, signals.

The fault comes after every call that a whole build makes, each operation at its first use after the
plan is made; so after each step, and within most of them.
"""

import os
import signal
from collections.abc import Callable

import pytest
from botocore.exceptions import EndpointConnectionError

from easel_snapshot import clean_ups
from tests.integration.snapshot_edge import Calls, Edge, refusal
from tests.integration.snapshot_world import SnapshotWorld

pytestmark = pytest.mark.integration

Raise = Callable[[str], None]
COPY = {"us-east-1": "us-west-2", "cn-northwest-1": "cn-north-1"}


def refused(operation: str) -> None:
    raise refusal("UnauthorizedOperation", operation)


def lost(_: str) -> None:
    raise EndpointConnectionError(endpoint_url="https://ec2")


def interrupted(_: str) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def terminated(_: str) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


FAULTS: dict[str, tuple[Raise, int | None]] = {
    "an error after the call": (refused, 1),
    "an answer that is lost": (lost, None),
    "Ctrl-C": (interrupted, 130),
    "SIGTERM": (terminated, 143),
}
"""What happens, and the exit status; of a lost answer a build may get over."""


@pytest.fixture(scope="module")
def steps(snapshot_worlds: dict[str, SnapshotWorld]) -> Calls:
    """The operations of a whole build after its plan, each once, in order."""
    world = snapshot_worlds["us-east-1"]
    whole = world.build("--copy-to-region", COPY[world.region])
    assert whole.status == 0, whole.said
    calls = whole.edge.calls
    world.forget_snapshots()
    forget_copies(world)
    first, last = calls.index(("iam", "create_role")), _last(calls, ("ec2", "create_tags"))
    return list(dict.fromkeys(calls[first : last + 1]))


def _last(calls: Calls, call: tuple[str, str]) -> int:
    return len(calls) - 1 - calls[::-1].index(call)


def forget_copies(world: SnapshotWorld) -> None:
    ec2 = world.client("ec2", COPY[world.region])
    for one in world.snapshots(COPY[world.region]):
        ec2.delete_snapshot(SnapshotId=one["SnapshotId"])


def broken_at(world: SnapshotWorld, step: tuple[str, str], fault: Raise) -> Edge:
    """An edge at which something happens once, after a call of the building phase."""
    edge = world.edge()
    done: list[str] = []

    def after(service: str, operation: str) -> None:
        building = ("iam", "create_role") in edge.calls
        if building and not done and (service, operation) == step:
            done.append(operation)
            fault(operation)

    edge.after = after
    return edge


def states(world: SnapshotWorld, region: str) -> set[str]:
    found = world.snapshots(region)
    return {
        tag["Value"] for one in found for tag in one["Tags"] if tag["Key"] == "easel:snapshot-state"
    }


@pytest.mark.parametrize("kind", FAULTS)
def test_nothing_is_left_wherever_a_build_breaks_off(
    world: SnapshotWorld, steps: Calls, kind: str
) -> None:
    fault, status = FAULTS[kind]
    assert len(steps) >= 18, steps
    good = steps.index(("ec2", "create_tags"))
    for step in steps:
        edge = broken_at(world, step, fault)
        built = world.build("--copy-to-region", COPY[world.region], edge=edge)
        here = f"{kind} at {step}:\n{built.said}"
        assert built.status == (status or built.status), here
        left = world.left()
        if built.status and steps.index(step) < good:
            assert left == {}, here
        # A snapshot that was found good stays, and is told: only what is beside it failed.
        assert set(left) <= {"snapshot"}, here
        for name in left.get("snapshot", set()):
            # The answer to the tag that calls it good may be what was lost.
            assert f"the snapshot is good: {name}" in built.said or step[1] == "create_tags", here
        for region in (world.region, COPY[world.region]):
            assert states(world, region) <= {"complete"}, here
        if built.status == 0:
            assert left.get("snapshot"), here
        world.forget_snapshots()
        forget_copies(world)
    assert world.left_of_anything() == {}


def test_a_second_signal_does_not_cut_the_clean_up_off(world: SnapshotWorld) -> None:
    edge = world.edge()

    def after(service: str, operation: str) -> None:
        if (service, operation) == ("ec2", "stop_instances"):
            interrupted(operation)
        if operation in ("terminate_instances", "delete_security_group", "delete_role"):
            interrupted(operation)
            terminated(operation)

    edge.after = after
    built = world.build(edge=edge)
    assert built.status == 130
    assert built.said.count("cleaning up; please wait") == 6
    assert world.left() == {}


def test_a_network_that_is_away_during_the_clean_up_is_waited_for(world: SnapshotWorld) -> None:
    edge = broken_at(world, ("ec2", "stop_instances"), refused)
    away = iter(range(8))

    def before(_: str, operation: str) -> None:
        if ("ec2", "stop_instances") in edge.calls[:-1] and next(away, None) is not None:
            lost(operation)

    edge.before = before
    built = world.build(edge=edge)
    assert built.status == 1
    assert next(away, None) is None
    assert world.left() == {}


def test_what_cannot_be_removed_is_told_and_prune_removes_it(
    world: SnapshotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clean_ups, "_SECONDS", 1)
    edge = world.edge()

    def before(_: str, operation: str) -> None:
        if operation in ("terminate_instances", "delete_role"):
            raise refusal("UnauthorizedOperation", operation)

    edge.before = before
    built = world.build(edge=edge)
    assert built.status == 1
    # The snapshot is good, and said; what hangs on the instance could not go either.
    assert "the snapshot is good" in built.said
    left = world.left()
    assert left["instance"]
    assert left["role"]
    command = next(line for line in built.said.splitlines() if "easel snapshot prune" in line)
    build = command.rpartition("--build ")[2]
    assert build in "".join(left["role"])

    # Its time is not over, so it is nobody's leftover yet.
    assert world.run("prune", "--yes").said.strip() == "nothing to remove"
    assert world.left() == left
    assert world.run("prune", "--build", build, "--yes").status == 0
    assert set(world.left()) == {"snapshot"}


def test_a_time_out_ends_a_build_and_cleans_up(
    world: SnapshotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge = world.edge()

    def after(service: str, operation: str) -> None:
        if (service, operation) == ("ssm", "describe_instance_information"):
            raise EndpointConnectionError(endpoint_url="https://ssm")

    edge.after = after
    # Minutes that last a hundredth of a second.
    monkeypatch.setattr("easel_snapshot.build._SECONDS_IN_A_MINUTE", 0.01)
    built = world.build(edge=edge)
    assert built.status == 1
    assert "the time is up" in built.said
    assert "AWS cannot be reached" in built.said
    assert world.left() == {}
