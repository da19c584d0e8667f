"""How far a running job is, as both runtimes tell; nothing where they do not."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from easel_agent.errors import CancelledTaskError
from easel_agent.runtimes.base import Runtime
from easel_agent.runtimes.comfyui import progress as comfyui_progress
from easel_agent.runtimes.comfyui.adapter import ComfyUi
from easel_agent.runtimes.comfyui.progress import ProgressFeed
from easel_agent.runtimes.job import Job
from easel_agent.runtimes.sdwebui.adapter import SdWebUi
from easel_contract.record import Progress
from easel_contract.task import TaskType
from easel_simulators.comfyui import Behaviour as ComfyUiBehaviour
from easel_simulators.comfyui import SimulatedComfyUi
from easel_simulators.sdwebui import Behaviour as SdWebUiBehaviour
from easel_simulators.sdwebui import SimulatedSdWebui
from tests.collected import generate

from .simulated_comfyui import text_to_image
from .simulated_runtime import client_of, until

pytestmark = pytest.mark.integration

OURS, OTHERS = "our-prompt", "another-prompt"


def progress_of(runtime: Runtime, tasktype: TaskType, content: dict[str, Any]) -> Progress:
    """Returns the first that a runtime tells of a task of 20 steps; stops the task then."""
    job, told = Job(), []

    def tells() -> bool:
        progress = runtime.progress()
        if progress is not None and progress.step:
            told.append(progress)
        return bool(told)

    with ThreadPoolExecutor(1) as pool:
        task = pool.submit(generate, runtime, tasktype, content, job)
        until(tells, "the runtime tells its progress")
        job.stop(CancelledTaskError("its sender has cancelled the task"))
        with pytest.raises(CancelledTaskError):
            task.result(timeout=10)
    return told[0]


def test_sd_webui_tells_how_far_it_is() -> None:
    with SimulatedSdWebui(SdWebUiBehaviour(service_seconds=5)) as server:
        runtime = SdWebUi(server.url, task_timeout_seconds=60, wait_seconds=60, dynamic_model=False)
        told = progress_of(runtime, TaskType.TEXT_TO_IMAGE, {"prompt": "a dog", "steps": 20})
        assert runtime.progress() is None  # no job of ours runs
    assert told.steps == 20
    assert 0 < told.percent < 100


def test_comfyui_tells_how_far_its_sampler_is() -> None:
    workflow = text_to_image()
    sampler = next(node for node in workflow.values() if node["class_type"] == "KSampler")
    sampler["inputs"]["steps"] = 20
    with SimulatedComfyUi(ComfyUiBehaviour(service_seconds=5)) as server:
        runtime = ComfyUi(server.url, task_timeout_seconds=60, wait_seconds=60)
        told = progress_of(runtime, TaskType.PIPELINE, workflow)
        assert runtime.progress() is None  # no job of ours runs
    assert told.steps == 20
    assert told.percent == pytest.approx(5 * (told.step or 0))


def test_a_runtime_that_does_not_answer_tells_nothing() -> None:
    started = time.monotonic()
    for runtime in (
        SdWebUi(
            "http://127.0.0.1:9", task_timeout_seconds=60, wait_seconds=60, dynamic_model=False
        ),
        ComfyUi("http://127.0.0.1:9", task_timeout_seconds=60, wait_seconds=60),
    ):
        assert runtime.progress() is None
    assert time.monotonic() - started < 5


def test_somebody_elses_job_of_sd_webui_is_not_told_as_ours() -> None:
    with SimulatedSdWebui(SdWebUiBehaviour(service_seconds=1)) as server:
        runtime = SdWebUi(server.url, task_timeout_seconds=60, wait_seconds=60, dynamic_model=False)
        with client_of(server.url) as somebody:
            somebody.generate_later()
            until(somebody.sampling, "somebody's job runs")
            assert runtime.progress() is None


def message(prompt_id: str, value: float = 5, maximum: float = 20, **more: Any) -> str:
    data = {"prompt_id": prompt_id, "value": value, "max": maximum, "node": "3", **more}
    return json.dumps({"type": "progress", "data": data})


@contextmanager
def feed_of(*, handler: Callable[[ServerConnection], None]) -> Iterator[ProgressFeed]:
    """What an adapter knows of a server whose websocket does as the handler says."""

    def serves(connection: ServerConnection) -> None:
        try:
            handler(connection)
            connection.recv()
        except ConnectionClosed:
            return

    with serve(serves, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield ProgressFeed(f"http://127.0.0.1:{server.socket.getsockname()[1]}", "client")
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x00\x00\x00\x01 a preview",
        "no json",
        "[" * 60_000,
        "[]",
        '{"type": "progress"}',
        '{"type": "progress", "data": []}',
        message(OURS, value=-1),
        message(OURS, maximum=0),
        message(OURS, value=float("nan")),
        message(OURS, maximum=float("inf")),
        message(OURS, value=1e300, maximum=1e300),
        message(OURS, node="x" * 70_000),
        message(OTHERS),
    ],
)
def test_messages_that_tell_nothing_of_the_job_change_nothing(nonsense: str | bytes) -> None:
    def says(connection: ServerConnection) -> None:
        connection.send(message(OURS, value=10))
        connection.send(nonsense)
        connection.send(message("last"))

    with feed_of(handler=says) as feed:
        until(lambda: feed.latest("last") is not None, "all messages have come")
        assert feed.latest(OURS) is None

    def says_before(connection: ServerConnection) -> None:
        connection.send(nonsense)
        connection.send(message(OURS, value=10))

    with feed_of(handler=says_before) as feed:
        until(lambda: feed.latest(OURS) is not None, "the message after it has come")
        assert feed.latest(OURS) == Progress(percent=50.0, step=10, steps=20)


def test_it_connects_again_after_a_message_that_is_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(comfyui_progress, "_MAX_MESSAGE_BYTES", 1000)
    monkeypatch.setattr(comfyui_progress, "_FIRST_PAUSE_SECONDS", 0.05)
    connections: list[ServerConnection] = []

    def says(connection: ServerConnection) -> None:
        connections.append(connection)
        connection.send(message(OURS) if len(connections) > 1 else b"x" * 2000)

    with feed_of(handler=says) as feed:
        until(lambda: feed.latest(OURS) is not None, "the second connection tells")
    assert len(connections) == 2


def test_a_socket_that_goes_mute_tells_nothing_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(comfyui_progress, "_STALE_SECONDS", 0.3)
    with feed_of(handler=lambda connection: connection.send(message(OURS))) as feed:
        until(lambda: feed.latest(OURS) is not None, "it tells")
        until(lambda: feed.latest(OURS) is None, "it is no news any more")


def test_nobody_asks_and_nothing_is_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comfyui_progress, "_QUIET_SECONDS", 0.2)
    opened: list[ServerConnection] = []
    closed: list[ServerConnection] = []

    def notes(connection: ServerConnection) -> None:
        opened.append(connection)
        try:
            connection.recv()
        finally:
            closed.append(connection)

    with feed_of(handler=notes) as feed:
        time.sleep(0.2)
        assert opened == []
        assert feed.latest(OURS) is None
        until(lambda: len(closed) == 1, "it is closed when nobody asks")
        feed.latest(OURS)
        until(lambda: len(opened) == 2, "it is opened when somebody asks again")
