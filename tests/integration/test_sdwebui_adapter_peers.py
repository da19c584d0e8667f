"""Servers that have less than SD WebUI: sd-server, forks, one without its web UI."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from easel_agent.errors import RejectedTaskError, RuntimeBrokenError, RuntimeDeadError
from easel_agent.runtimes.base import RuntimeState
from easel_agent.runtimes.job import Job
from easel_agent.runtimes.sdwebui import turn as sdwebui_turn
from easel_agent.runtimes.sdwebui.adapter import SdWebUi
from easel_agent.runtimes.sdwebui.progress import ProgressReader, TaskStanding
from easel_contract.task import TaskType
from easel_simulators.sdwebui import Behaviour, SimulatedSdWebui
from easel_simulators.sdwebui.sd_server import SdServerBehaviour, SimulatedSdServer
from easel_simulators.server import Request, Response
from tests.collected import generate
from tests.rigs.http_server import http_server

from .captures import CAPTURES

pytestmark = pytest.mark.integration

SMALL = {"prompt": "a cat", "steps": 1, "width": 64, "height": 64, "seed": 1}
T2I = TaskType.TEXT_TO_IMAGE


def adapter(url: str, *, timeout: float = 20) -> SdWebUi:
    return SdWebUi(url, task_timeout_seconds=timeout, wait_seconds=20, dynamic_model=False)


def test_sd_server_is_used_without_progress_and_the_log_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with SimulatedSdServer(SdServerBehaviour()) as server, caplog.at_level(logging.WARNING):
        runtime = adapter(server.url)
        assert runtime.state() == RuntimeState(answers=True)
        runtime.warm_up(Job())
        for _ in range(3):
            assert runtime.is_ready()
            assert len(generate(runtime, T2I, SMALL).pictures) == 1
        assert runtime.progress() is None
    said = [
        record.message for record in caplog.records if "no /sdapi/v1/progress" in record.message
    ]
    assert len(said) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (SMALL | {"width": 0}, "width and height must be positive"),
        (SMALL | {"steps": "abc"}, "type must be number"),
        ({"steps": 1}, "prompt required"),
        (SMALL | {"sampler_name": "Nope"}, "there is no sampler 'Nope'"),
        (SMALL | {"override_settings": {"foo": 1}}, "no setting 'foo'"),
        (SMALL | {"override_settings": {"sd_model_checkpoint": "nope"}}, "no checkpoint 'nope'"),
    ],
)
def test_what_sd_server_refuses_or_passes_over_is_the_callers_mistake(
    content: dict[str, Any], says: str
) -> None:
    with (
        SimulatedSdServer(SdServerBehaviour()) as server,
        pytest.raises(RejectedTaskError, match=says),
    ):
        generate(adapter(server.url), T2I, content)


def test_names_are_found_on_sd_server_too() -> None:
    with SimulatedSdServer(SdServerBehaviour()) as server:
        content = SMALL | {
            "sampler_name": "Euler a",
            "alwayson_scripts": {"sd_model_checkpoint": "sd15-a.safetensors"},
        }
        assert generate(adapter(server.url), T2I, content).pictures


def test_an_upscale_is_refused_where_there_is_none() -> None:
    with (
        SimulatedSdServer(SdServerBehaviour()) as server,
        pytest.raises(RejectedTaskError, match="404"),
    ):
        generate(adapter(server.url), TaskType.EXTRA_SINGLE_IMAGE, {"image": "x"})


def test_a_time_out_is_bounded_where_nothing_can_be_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sdwebui_turn, "_END_SECONDS", 0.4)
    with (
        SimulatedSdServer(SdServerBehaviour(service_seconds=30)) as server,
        pytest.raises(RuntimeBrokenError, match="did not stop"),
    ):
        generate(adapter(server.url, timeout=0.3), T2I, SMALL)


def test_a_job_that_ends_soon_after_its_time_out_is_only_overdue() -> None:
    with (
        SimulatedSdServer(SdServerBehaviour(service_seconds=0.8)) as server,
        pytest.raises(RejectedTaskError, match=r"longer than 0\.3 s"),
    ):
        generate(adapter(server.url, timeout=0.3), T2I, SMALL)


def test_a_server_without_progress_is_used_without() -> None:
    with SimulatedSdWebui(Behaviour(progress=False)) as server:
        runtime = adapter(server.url)
        runtime.warm_up(Job())
        assert runtime.state() == RuntimeState(answers=True)
        assert generate(runtime, T2I, SMALL).pictures


def test_a_fork_that_takes_no_id_is_followed_by_its_progress() -> None:
    unknown = TaskStanding(active=False, queued=False, completed=False)
    with (
        SimulatedSdWebui(Behaviour(service_seconds=30)) as server,
        patch.object(ProgressReader, "task", return_value=unknown),
    ):
        runtime = SdWebUi(server.url, task_timeout_seconds=3, wait_seconds=1, dynamic_model=False)
        with pytest.raises(RejectedTaskError, match="longer than 3 s"):
            generate(runtime, T2I, SMALL)
        assert runtime.state() == RuntimeState(answers=True)


@contextmanager
def replaying(*names: str) -> Iterator[str]:
    """A server that answers each path as it was recorded, and all else with a 404."""
    answers: dict[tuple[str, str], tuple[int, bytes]] = {}
    for name in names:
        for recorded in json.loads((CAPTURES / f"{name}.json").read_text()).values():
            request = recorded.get("request", {})
            if "path" in request and "response" in recorded:
                body = recorded["response"]
                text = body if isinstance(body, str) else json.dumps(body)
                key = request["method"], request["path"].partition("?")[0]
                answers.setdefault(key, (recorded["status"], text.encode()))

    def answer(request: Request) -> Response:
        status, body = answers.get((request.method, request.path), (404, b""))
        return Response(status, body, None)

    with http_server(answer) as url:
        yield url


def test_the_recorded_sd_server_is_ready_and_draws() -> None:
    with replaying("sdcpp_get", "sdcpp_generate") as url:
        runtime = adapter(url)
        assert runtime.is_ready()
        made = runtime.generate(T2I, SMALL | {"sampler_name": "euler"}, Job()).collect()
        assert json.loads(made.answer)["info"] == ""


def test_something_else_at_the_address_is_not_ready_and_says_why() -> None:
    with replaying() as url:
        state = adapter(url).state()
    assert not state.answers
    assert "no known route" in state.reason
    gone = adapter(url)
    assert "does not answer" in gone.state().reason
    with pytest.raises(RuntimeDeadError):
        generate(gone, T2I, SMALL)
