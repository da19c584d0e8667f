"""The simulated SD WebUI tells of a task by its id, where its web UI runs."""

import pytest
import requests

from easel_simulators.faults import Fault
from easel_simulators.sdwebui import Behaviour, SimulatedSdWebui

from .simulated_runtime import client_of, until

pytestmark = pytest.mark.integration


def flags(url: str, task_id: str) -> set[str]:
    """Those that are true of a task."""
    answer = requests.post(f"{url}/internal/progress", json={"id_task": task_id}, timeout=5)
    assert answer.status_code == 200
    return {key for key in ("active", "queued", "completed") if answer.json()[key]}


def test_a_task_is_queued_active_and_completed() -> None:
    with SimulatedSdWebui(Behaviour(service_seconds=0.5)) as server, client_of(server.url) as api:
        assert flags(server.url, "one") == set()
        first = api.generate_later(force_task_id="one")
        until(lambda: flags(server.url, "one") == {"active"}, "the first runs")
        second = api.generate_later(force_task_id="two")
        until(lambda: flags(server.url, "two") == {"queued"}, "the second waits")
        assert first.result().ok
        until(lambda: flags(server.url, "two") == {"active"}, "the second runs")
        assert flags(server.url, "one") == {"completed"}
        assert second.result().ok


def test_a_task_that_failed_stays_the_current_one_as_in_a_real_server() -> None:
    with SimulatedSdWebui() as server, client_of(server.url) as api:
        server.faults.add(Fault("out_of_memory"))
        assert api.post("/sdapi/v1/txt2img", {"force_task_id": "one"}).status_code == 500
        assert flags(server.url, "one") == {"active"}
        api.generate(force_task_id="two")
        assert flags(server.url, "one") == set()


def test_without_the_web_ui_there_is_no_such_route() -> None:
    with SimulatedSdWebui(Behaviour(web_ui=False)) as server, client_of(server.url) as api:
        assert api.post("/internal/progress", {"id_task": "one"}).status_code == 404
