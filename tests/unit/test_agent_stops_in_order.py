"""SIGTERM: receive no more, give back what has not begun, finish or interrupt what runs."""

import threading
from typing import Any

import pytest

from easel_agent.errors import InterruptedTaskError

from .agent_world import DEADLINE_SECONDS, World, eventually

pytestmark = pytest.mark.unit


def running_task(world: World, task: dict[str, Any], ended_by: threading.Event) -> threading.Event:
    """Sends a task that runs until an event; returns the event that it has begun."""
    begun = threading.Event()

    def work() -> None:
        begun.set()
        eventually(lambda: ended_by.is_set() or world.runtime.stopped_by is not None)

    world.runtime.script = [work]
    world.send(task)
    return begun


def other(task: dict[str, Any]) -> dict[str, Any]:
    return task | {"metadata": task["metadata"] | {"id": "other"}}


def test_within_the_grace_the_running_task_ends_well(world: World, task: dict[str, Any]) -> None:
    go_on = threading.Event()
    assert running_task(world, task, go_on).wait(DEADLINE_SECONDS)
    world.worker.stop()
    go_on.set()
    world.thread.join(DEADLINE_SECONDS)
    [result] = world.results(1)
    assert result.result
    assert world.settled()


def test_beyond_the_grace_it_is_interrupted_and_given_back(
    world: World, task: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = world.settings.model_copy(update={"shutdown_grace_seconds": 0})
    monkeypatch.setattr(world.worker, "_settings", settings)
    assert running_task(world, task, threading.Event()).wait(DEADLINE_SECONDS)
    world.worker.stop()
    world.thread.join(DEADLINE_SECONDS)
    world.no_more_results()
    assert world.waiting() == 1
    assert isinstance(world.runtime.stopped_by, InterruptedTaskError)


def test_what_has_not_begun_is_given_back_at_once(
    world: World, task: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("easel_agent.prefetch_policy._MIN_HOLD_SECONDS", 60)
    go_on = threading.Event()
    assert running_task(world, task, go_on).wait(DEADLINE_SECONDS)
    world.send(other(task))
    # Taken in advance: nothing is known of how long tasks take here.
    eventually(lambda: world.waiting() == 0)
    world.worker.stop()
    eventually(lambda: world.waiting() == 1)
    go_on.set()
    world.thread.join(DEADLINE_SECONDS)
    [result] = world.results(1)
    assert result.id == "test-t2i"
    assert len(world.runtime.done) == 1


def test_a_task_held_longer_than_the_running_one_should_take_is_given_back(
    world: World, task: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("easel_agent.prefetch_policy._MIN_HOLD_SECONDS", 0.2)
    go_on = threading.Event()
    assert running_task(world, task, go_on).wait(DEADLINE_SECONDS)
    world.send(other(task))
    eventually(lambda: world.waiting() == 0)
    eventually(lambda: world.waiting() == 1)
    go_on.set()
    assert {result.id for result in world.results(2)} == {"test-t2i", "other"}
    assert len(world.runtime.done) == 2


def test_the_next_task_is_prepared_while_one_runs(world: World, task: dict[str, Any]) -> None:
    go_on = threading.Event()
    assert running_task(world, task, go_on).wait(DEADLINE_SECONDS)
    for number in range(3):
        world.send(task | {"metadata": task["metadata"] | {"id": f"next-{number}"}})
    eventually(lambda: world.waiting() == 2)  # one is held, no more
    go_on.set()
    assert all(result.result for result in world.results(4))
