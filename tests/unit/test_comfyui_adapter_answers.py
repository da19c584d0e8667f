"""The ComfyUI adapter against answers that the simulator does not give: stalls and nonsense."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses

from easel_agent.errors import (
    CancelledTaskError,
    RejectedTaskError,
    RuntimeDeadError,
    TransientError,
)
from easel_agent.runtimes.comfyui import api as comfyui_api
from easel_agent.runtimes.comfyui import job as comfyui_job
from easel_agent.runtimes.comfyui.adapter import ComfyUi
from easel_agent.runtimes.comfyui.api import ComfyUiApi
from easel_agent.runtimes.job import Job
from easel_contract.task import TaskType
from tests.collected import generate as collected

pytestmark = pytest.mark.unit

URL = "http://comfyui.test"
HISTORY = re.compile(rf"{URL}/history/.*")
WORKFLOW = {
    "1": {"class_type": "SaveImage", "inputs": {"filename_prefix": "a", "images": ["2", 0]}}
}
EMPTY_QUEUE: dict[str, Any] = {"queue_running": [], "queue_pending": []}


class RunningJob:
    """The job that was submitted last, which runs."""

    def __init__(self) -> None:
        self.prompt_id = ""

    def submitted(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        self.prompt_id = json.loads(request.body or b"")["prompt_id"]
        return 200, {}, json.dumps({"prompt_id": self.prompt_id, "number": 1, "node_errors": {}})

    def queue(self, _request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        running = [[1, self.prompt_id, {}, {}, []]]
        return 200, {}, json.dumps({"queue_running": running, "queue_pending": []})


@pytest.fixture
def server() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        job = RunningJob()
        mock.add_callback(responses.POST, f"{URL}/prompt", callback=job.submitted)
        mock.add_callback(responses.GET, f"{URL}/queue", callback=job.queue)
        mock.get(f"{URL}/view", body=b"picture")
        yield mock


def generate(timeout_seconds: float = 30.0, wait_seconds: float = 60.0) -> Any:
    return collected(
        ComfyUi(URL, task_timeout_seconds=timeout_seconds, wait_seconds=wait_seconds),
        TaskType.PIPELINE,
        WORKFLOW,
    )


def with_queue(server: responses.RequestsMock, queue: dict[str, Any]) -> None:
    """Has the server answer with another queue than the one in which the job runs."""
    server.remove(responses.GET, f"{URL}/queue")
    server.get(f"{URL}/queue", json=queue)


def history(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
    prompt_id = str(request.url).rpartition("/")[2]
    outputs = {"1": {"images": [{"filename": "a", "subfolder": "", "type": "output"}]}}
    entry = {"outputs": outputs, "status": {"status_str": "success", "completed": True}}
    return 200, {}, json.dumps({prompt_id: entry})


@pytest.mark.parametrize(
    "stall",
    [
        {"body": requests.ReadTimeout()},
        {"status": 502, "body": "<html>"},
        {"status": 200, "body": "no json"},
        {"status": 200, "json": []},
    ],
)
def test_a_stall_while_polling_is_waited_out(
    server: responses.RequestsMock, stall: dict[str, Any]
) -> None:
    server.get(HISTORY, **stall)
    server.add_callback(responses.GET, HISTORY, callback=history)
    assert generate().pictures == [b"picture"]


def test_a_stall_without_end_is_the_runtimes_death(
    server: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comfyui_job, "_SILENCE_SECONDS", 0.1)
    server.get(HISTORY, body=requests.ReadTimeout())
    with pytest.raises(RuntimeDeadError):
        generate()


def test_a_refused_connection_while_polling_is_the_runtimes_death(
    server: responses.RequestsMock,
) -> None:
    server.get(HISTORY, body=requests.ConnectionError("refused"))
    with pytest.raises(RuntimeDeadError):
        generate()


def test_the_restart_is_noticed_where_the_history_alone_does_not_tell(
    server: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comfyui_job, "_QUEUE_CHECK_SECONDS", 0.05)
    server.get(HISTORY, json={})
    with_queue(server, EMPTY_QUEUE)
    connections = iter(range(100))
    monkeypatch.setattr(ComfyUiApi, "connections", property(lambda _api: next(connections)))
    with pytest.raises(RuntimeDeadError, match="lost the job"):
        generate()


def test_a_job_that_ends_between_two_questions_is_not_lost(
    server: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comfyui_job, "_QUEUE_CHECK_SECONDS", -1.0)
    server.get(HISTORY, json={})
    server.get(f"{URL}/queue", json=EMPTY_QUEUE)  # after the one in which the job runs
    server.add_callback(responses.GET, HISTORY, callback=history)
    assert generate().pictures == [b"picture"]


def test_an_answer_to_the_submission_is_bounded(
    server: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comfyui_api, "MAX_JSON_BYTES", 60)
    server.replace(responses.POST, f"{URL}/prompt", body=b"x" * 100)
    with_queue(server, EMPTY_QUEUE)
    server.get(HISTORY, json={})
    with pytest.raises(TransientError, match="more than 60 bytes"):
        generate()


def test_an_entry_that_is_too_large_is_a_failed_task(
    server: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comfyui_api, "MAX_JSON_BYTES", 130)
    server.add_callback(responses.GET, HISTORY, callback=history)
    with pytest.raises(RejectedTaskError, match="more than 130 bytes"):
        generate()


@pytest.mark.parametrize("body", ["not found", "[]", '{"node_errors": 5}'])
def test_a_refusal_that_cannot_be_read_is_told_as_it_is(
    server: responses.RequestsMock, body: str
) -> None:
    server.replace(responses.POST, f"{URL}/prompt", status=404, body=body)
    with pytest.raises(RejectedTaskError, match="404") as refused:
        generate()
    assert refused.value.answer == body.encode()


def test_a_failure_to_take_the_workflow_is_kept_as_answered(
    server: responses.RequestsMock,
) -> None:
    server.replace(responses.POST, f"{URL}/prompt", status=500, body="Internal Server Error")
    with_queue(server, EMPTY_QUEUE)
    server.get(HISTORY, json={})
    with pytest.raises(TransientError, match="500") as failed:
        generate()
    assert failed.value.answer == b"Internal Server Error"


def test_an_older_server_that_ends_whatever_runs_is_not_told_to_for_a_job_that_waits(
    server: responses.RequestsMock,
) -> None:
    with_queue(server, {"queue_running": [[1, "somebody's", {}, {}, []]], "queue_pending": []})
    server.get(HISTORY, json={})
    server.post(f"{URL}/queue")
    interrupt = server.post(f"{URL}/interrupt")
    job = Job()

    def stop(_request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        job.stop(CancelledTaskError("not wanted"))
        return 200, {}, json.dumps({"prompt_id": "x", "node_errors": {}})

    server.remove(responses.POST, f"{URL}/prompt")
    server.add_callback(responses.POST, f"{URL}/prompt", callback=stop)
    with pytest.raises(CancelledTaskError):
        ComfyUi(URL, task_timeout_seconds=30, wait_seconds=60).generate(
            TaskType.PIPELINE, WORKFLOW, job
        )
    assert interrupt.call_count == 0


def test_a_job_that_vanishes_on_the_same_connection_was_removed_by_somebody(
    server: responses.RequestsMock,
) -> None:
    with_queue(server, EMPTY_QUEUE)
    server.get(HISTORY, json={})
    with pytest.raises(TransientError, match="somebody removed"):
        generate()


def test_an_interrupt_that_the_job_did_not_hear_is_sent_again(
    server: responses.RequestsMock,
) -> None:
    submitted: list[str] = []

    def prompt(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        submitted.append(json.loads(request.body or b"")["prompt_id"])
        return 200, {}, json.dumps({"prompt_id": submitted[0], "node_errors": {}})

    def queue(_request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        running = [[1, submitted[0], {}, {}, []]] if interrupt.call_count < 2 else []
        return 200, {}, json.dumps({"queue_running": running, "queue_pending": []})

    server.remove(responses.POST, f"{URL}/prompt")
    server.remove(responses.GET, f"{URL}/queue")
    server.add_callback(responses.POST, f"{URL}/prompt", callback=prompt)
    server.get(HISTORY, json={})
    server.post(f"{URL}/queue")
    server.add_callback(responses.GET, f"{URL}/queue", callback=queue)
    interrupt = server.post(f"{URL}/interrupt")
    with pytest.raises(RejectedTaskError, match="longer than"):
        generate(timeout_seconds=0.1)
    assert interrupt.call_count == 2


def test_a_file_that_is_gone_is_made_again_by_another_try(server: responses.RequestsMock) -> None:
    server.add_callback(responses.GET, HISTORY, callback=history)
    server.replace(responses.GET, f"{URL}/view", status=404)
    with pytest.raises(TransientError, match="404"):
        generate()


def test_no_cache_on_the_way_may_answer_for_a_file(server: responses.RequestsMock) -> None:
    server.add_callback(responses.GET, HISTORY, callback=history)
    generate()
    view = next(call.request for call in server.calls if "/view" in str(call.request.url))
    assert view.headers["Cache-Control"] == "no-cache"


def test_no_origin_is_sent_which_would_be_foreign(server: responses.RequestsMock) -> None:
    server.add_callback(responses.GET, HISTORY, callback=history)
    generate()
    assert all("Origin" not in call.request.headers for call in server.calls)


def test_a_redirect_is_not_followed(server: responses.RequestsMock) -> None:
    server.remove(responses.GET, f"{URL}/queue")
    server.get(f"{URL}/queue", status=302, headers={"Location": "http://elsewhere.test/"})
    assert not ComfyUi(URL, task_timeout_seconds=1, wait_seconds=60).is_ready()
