"""Messages that are no tasks, or tasks that can never be done, among good ones."""

import pytest

from tests.faults.conftest import StartScenario
from tests.faults.poison import poison_messages

pytestmark = pytest.mark.integration


def test_poison_among_good_tasks(start_scenario: StartScenario) -> None:
    with start_scenario(service_seconds=0.1) as scenario:
        poison = poison_messages("poison")
        tasks = scenario.tasks.make(30)
        known = [message for message in poison if message.task_id is not None]
        scenario.accepted |= {message.task_id for message in known if message.task_id}
        scenario.buried = [message.body for message in poison if message.is_buried]
        scenario.submit(tasks[:10])
        scenario.resources.send([message.body for message in poison])
        scenario.submit(tasks[10:])
        evidence = scenario.check()
    assert evidence.completed == {task.key for task in tasks}
    assert {task_id: error.code for task_id, error in evidence.failed.items()} == {
        message.task_id: message.code for message in known
    }
    assert sorted(evidence.dead_letters) == sorted(scenario.buried)
