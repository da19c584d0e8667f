"""A lease has the states of the drawing, and ends in one way."""

import pytest

from easel_agent.lifecycle import END_STATES, Lifecycle, TaskState

pytestmark = pytest.mark.unit


def test_a_task_takes_no_way_that_the_drawing_does_not_show() -> None:
    lifecycle = Lifecycle()
    with pytest.raises(RuntimeError, match="from received to running"):
        lifecycle.move(TaskState.RUNNING)
    lifecycle.move(TaskState.PREPARING)
    lifecycle.move(TaskState.RETURNED)
    with pytest.raises(RuntimeError, match="from returned to done"):
        lifecycle.move(TaskState.DONE)


@pytest.mark.parametrize("state", sorted(END_STATES))
def test_nothing_follows_an_end(state: TaskState) -> None:
    lifecycle = Lifecycle()
    lifecycle._state = state
    for other in TaskState:
        with pytest.raises(RuntimeError):
            lifecycle.move(other)
