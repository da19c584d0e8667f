"""However `make up` or `make demo` ends, no process and no port is left, and messages are clear."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from easel_cli.progress import Progress
from easel_local.processes import ManagedProcess, start
from easel_local.stack import LocalStack, StackError, StackOptions
from easel_local.state import StackState

pytestmark = pytest.mark.integration

DEADLINE_SECONDS = 60


def run_verb(home: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Starts a verb as make does at a terminal: in a process group that Ctrl-C reaches."""
    return subprocess.Popen(
        [sys.executable, "-m", "easel_local", *arguments],
        env=os.environ | {"EASEL_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def processes_of(home: Path) -> list[psutil.Process]:
    """Every process that was started for a home folder, and their children."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("EASEL_HOME") == str(home):
                found.append(process)
    return found


def emulator_port(home: Path) -> int:
    """The port in the first line of the emulator's log."""
    first = (home / "logs" / "emulator.log").read_text().splitlines()[0]
    return int(first.rpartition(":")[2])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for process in processes_of(tmp_path):
        process.kill()


def reached(home: Path, step: str) -> bool:
    if step == "emulator":
        return (home / "stack.json").exists()
    log = home / "logs" / "terraform.log"
    return log.exists() and step in log.read_text()


def others_may_read(home: Path) -> list[Path]:
    """The files of a stack that other users of the machine may read or write."""
    found = []
    for path in home.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # it is at work
            if not path.is_symlink() and path.stat().st_mode & 0o077:
                found.append(path)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", ["emulator", "apply_start"])
def test_an_interrupted_demo_leaves_nothing(home: Path, step: str, number: signal.Signals) -> None:
    demo = run_verb(home, "demo")
    eventually(lambda: reached(home, step))
    port = emulator_port(home)
    assert listens(port)
    assert others_may_read(home) == []
    os.killpg(demo.pid, number)
    output, _ = demo.communicate(timeout=DEADLINE_SECONDS)
    assert demo.returncode == 130, output
    assert "everything is stopped" in output
    assert "Traceback" not in output
    assert processes_of(home) == []
    assert not listens(port)
    assert not (home / "stack.json").exists()


def test_a_second_command_says_that_one_is_at_work(home: Path) -> None:
    demo = run_verb(home, "demo")
    eventually(lambda: reached(home, "emulator"))
    for verb in ("up", "demo", "down"):
        second = run_verb(home, verb)
        output, _ = second.communicate(timeout=DEADLINE_SECONDS)
        assert second.returncode == 1
        assert "is at work" in output
        assert "Traceback" not in output
    os.killpg(demo.pid, signal.SIGINT)
    demo.communicate(timeout=DEADLINE_SECONDS)
    assert processes_of(home) == []


def test_up_says_that_a_stack_is_up(home: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    running = start("emulator", command, os.environ | {"EASEL_HOME": str(home)}, home / "log")
    stack = LocalStack(home, Progress())
    stack.state_file.write(StackState(started_at=datetime.now(UTC), processes=[running]))
    with pytest.raises(StackError, match="already up since"):
        stack.up(StackOptions())
    assert running.is_running()
    assert stack.down()
    assert not running.is_running()
    assert not stack.down()


def test_a_pid_that_was_given_away_again_is_not_killed(home: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    stranger = start("other", command, os.environ | {"EASEL_HOME": str(home)}, home / "log")
    earlier = ManagedProcess(
        name="emulator", pid=stranger.pid, create_time=stranger.create_time - 1, log=home / "x"
    )
    assert not earlier.is_running()
    earlier.stop(grace_seconds=0)
    assert stranger.is_running()
    stranger.stop(grace_seconds=5)


def test_a_taken_port_is_one_clear_message(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = run_verb(home, "up", "--port", str(port))
        output, _ = up.communicate(timeout=DEADLINE_SECONDS)
    assert up.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken" in output
    assert "make up PORT=" in output
    assert "Traceback" not in output
    assert processes_of(home) == []


def test_a_half_written_state_is_no_stack(home: Path) -> None:
    (home / "stack.json").write_text(json.dumps({"started_at": "yesterday"}))
    status = run_verb(home, "status")
    output, _ = status.communicate(timeout=DEADLINE_SECONDS)
    assert (status.returncode, output.strip()) == (
        0,
        "Nothing is up. `make up` brings the local stack up.",
    )
