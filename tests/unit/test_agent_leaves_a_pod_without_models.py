"""A mount of the model bucket that broke: the pod is given up, and no task pays for it.

What a broken FUSE mount answers is put in the place of statvfs(3), or stood in for by a folder that
is moved away: here there is no FUSE mount.
"""

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from easel_agent import model_mount
from easel_agent.errors import InterruptedTaskError, RejectedTaskError
from easel_agent.health import HealthServer
from easel_agent.metrics import Metrics
from easel_agent.model_mount import ModelMount
from easel_agent.runtime_monitor import RuntimeMonitor
from easel_contract.errors import TaskErrorCode
from easel_contract.record import TaskStatus

from .agent_world import FakeRuntime, World, eventually

pytestmark = pytest.mark.unit

FOLDER = Path("/easel/models")


def broken(number: int) -> Callable[[Path], object]:
    def look(_: Path) -> object:
        raise OSError(number, os.strerror(number))

    return look


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_mount, "_PERIOD_SECONDS", 0.02)
    monkeypatch.setattr(model_mount, "_PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(model_mount, "_QUICK_SECONDS", 0.05)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def watched(told: list[str]) -> Iterator[Callable[[Callable[[Path], object]], ModelMount]]:
    mounts = []

    def start(look: Callable[[Path], object]) -> ModelMount:
        mount = ModelMount(FOLDER, look)
        mount.start(told.append)
        mounts.append(mount)
        return mount

    yield start
    for mount in mounts:
        mount.stop()


Watch = Callable[[Callable[[Path], object]], ModelMount]


@pytest.mark.parametrize("number", [errno.ENOTCONN, errno.ESTALE, errno.EIO, errno.ECONNABORTED])
def test_a_broken_mount_is_told_of_once_and_named(
    watched: Watch, told: list[str], number: int
) -> None:
    mount = watched(broken(number))
    eventually(lambda: bool(told))
    time.sleep(0.1)
    assert told == [mount.failure]
    assert str(FOLDER) in told[0]
    assert os.strerror(number) in told[0]


def test_a_mount_that_fails_every_other_time_works(watched: Watch, told: list[str]) -> None:
    looks = []

    def look(folder: Path) -> object:
        looks.append(folder)
        return broken(errno.EIO)(folder) if len(looks) % 2 else None

    mount = watched(look)
    eventually(lambda: len(looks) > 8)
    assert mount.failure is None
    assert told == []


def test_a_mount_that_never_answers_is_broken_and_costs_one_thread(
    watched: Watch, told: list[str]
) -> None:
    for_ever = threading.Event()
    looks = []

    def look(folder: Path) -> object:
        looks.append(folder)
        return for_ever.wait()

    mount = watched(look)
    began = time.monotonic()
    assert mount.fails_now() is None  # it may be slow
    assert time.monotonic() - began < 1
    eventually(lambda: bool(told))
    assert "no answer" in told[0]
    assert len(looks) == 1
    for_ever.set()


def test_a_slow_mount_is_not_broken(
    watched: Watch, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_mount, "_PATIENCE_SECONDS", 5.0)
    looks = []

    def look(folder: Path) -> object:
        looks.append(folder)
        return time.sleep(0.1)

    mount = watched(look)
    eventually(lambda: len(looks) > 3)
    assert (mount.failure, told) == (None, [])


def test_all_probes_say_what_is_broken(watched: Watch, told: list[str]) -> None:
    mount = watched(broken(errno.ENOTCONN))
    eventually(lambda: bool(told))
    server = HealthServer(
        "127.0.0.1",
        0,
        monitor=RuntimeMonitor(FakeRuntime()),
        metrics=Metrics("sdruntime"),
        dead_seconds=900,
        mount=mount,
    )
    server.start()
    for path in ("/readyz", "/livez", "/healthz"):
        answer = requests.get(f"http://127.0.0.1:{server.port}{path}", timeout=5)
        assert (answer.status_code, answer.text) == (503, told[0])
    server.stop()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
def more_settings(models: Path) -> dict[str, str]:
    return {"EASEL_MODELS_DIR": str(models)}


def vanish(models: Path) -> None:
    models.rename(models.with_name("gone"))


def test_the_running_task_goes_back_and_the_agent_ends(
    world: World, task: dict[str, Any], models: Path
) -> None:
    world.runtime.script = [world.runtime.wait_until_stopped]
    record = world.accept(task)
    eventually(lambda: len(world.runtime.done) == 1)
    vanish(models)
    world.thread.join(10)
    assert not world.thread.is_alive()
    assert world.waiting() == 1
    returned = world.record(record.uid)
    assert (returned.status, returned.attempts) == (TaskStatus.QUEUED, 0)
    text = world.agent.metrics.render().decode()
    assert 'easel_runtime_given_up_total{reason="model_mount",runtime="sdruntime"} 1.0' in text


def test_an_idle_agent_ends_too(world: World, models: Path) -> None:
    eventually(lambda: world.agent.monitor.is_ready)
    vanish(models)
    world.thread.join(10)
    assert not world.thread.is_alive()
    assert world.agent.mount is not None
    assert str(models) in (world.agent.mount.failure or "")


def test_a_file_that_was_not_found_is_not_the_senders_fault_then(
    world: World, task: dict[str, Any], models: Path
) -> None:
    def not_found() -> None:
        vanish(models)
        raise RejectedTaskError(TaskErrorCode.RUNTIME_REJECTED, "Model not found: a.safetensors")

    world.runtime.script = [not_found]
    record = world.accept(task)
    world.thread.join(10)
    assert not world.thread.is_alive()
    assert world.record(record.uid).attempts == 0
    assert world.waiting() == 1


def test_a_task_that_has_its_models_may_end_while_the_pod_is_stopped(
    world: World, task: dict[str, Any], models: Path
) -> None:
    """A drain of more than 600 s: the Mountpoint pod is killed before the runtime's."""
    ends = threading.Event()
    world.runtime.script = [lambda: ends.wait(5)]
    world.send(task)
    eventually(lambda: len(world.runtime.done) == 1)
    world.worker.stop()
    vanish(models)
    assert world.agent.mount is not None
    mount = world.agent.mount
    eventually(lambda: mount.failure is not None)
    assert not isinstance(world.runtime.stopped_by, InterruptedTaskError)
    ends.set()
    [result] = world.results(1)
    assert (result.result, result.attempts) == (True, 1)
    assert world.runtime.stopped_by is None
