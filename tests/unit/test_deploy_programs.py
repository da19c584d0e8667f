"""A program of `easel deploy` is ended in order, whatever signal comes, also a closed terminal."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from easel_cli.deployment.programs import Program
from easel_cli.deployment.terraform_lines import Changes, TerraformLines

pytestmark = pytest.mark.unit

CHILD = """
import signal, sys, time, pathlib
note = pathlib.Path(sys.argv[1])
def orderly(number, frame):
    print("writing the state", flush=True)
    time.sleep(0.3)
    note.write_text(note.read_text() + f"{signal.Signals(number).name} ")
    sys.exit(3)
for one in (signal.SIGINT, signal.SIGTERM):
    signal.signal(one, orderly)
print("began", flush=True)
note.write_text("began ")
time.sleep(30)
"""
PARENT = """
import os, sys
from pathlib import Path
from easel_cli.deployment.programs import Program, signals_interrupt
folder = Path(sys.argv[1])
child = [sys.executable, "-c", (folder / "child.py").read_text(), str(folder / "note")]
try:
    with signals_interrupt():
        Program(child, os.environ, folder / "log").run(lambda line: print(line, flush=True))
except KeyboardInterrupt as interrupt:
    (folder / "ended").write_text(str(interrupt))
"""


def wait_for(path: Path, text: str) -> None:
    deadline = time.monotonic() + 20
    while not (path.exists() and text in path.read_text()):
        assert time.monotonic() < deadline, f"{path} never had {text}"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_becomes_one_ctrl_c_and_the_program_is_waited_for(
    tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "child.py").write_text(CHILD)
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as parent:
        wait_for(tmp_path / "note", "began")
        parent.send_signal(number)
        parent.send_signal(number)
        assert parent.wait(20) == 0
    assert (tmp_path / "note").read_text() == "began SIGINT "
    assert (tmp_path / "ended").read_text() == number.name
    assert (tmp_path / "log").read_text() == "began\nwriting the state\n"


def test_a_terminal_that_is_closed_lets_the_program_end_in_order(tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(CHILD)
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover - another process
        os.execv(sys.executable, [sys.executable, "-c", PARENT, str(tmp_path)])
    wait_for(tmp_path / "note", "began")
    os.close(terminal)  # the kernel sends SIGHUP to all that belongs to it
    wait_for(tmp_path / "ended", "SIGHUP")
    assert (tmp_path / "note").read_text() == "began SIGINT "
    os.waitpid(pid, 0)


def test_what_it_prints_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    seen: list[str] = []
    script = "import sys; print('one'); sys.stdout.flush(); print('two', file=sys.stderr); exit(7)"
    log = tmp_path / "logs" / "log"
    assert Program([sys.executable, "-c", script], os.environ, log).run(seen.append) == 7
    assert seen == ["one", "two"]
    assert log.read_text() == "one\ntwo\n"
    assert log.stat().st_mode & 0o777 == 0o600


def test_terraforms_lines_are_counted_and_its_words_kept() -> None:
    lines = TerraformLines()
    counts = '{"add": 3, "change": 1, "remove": 2, "import": 1, "operation": "plan"}'
    error = '{"severity": "error", "summary": "no", "detail": "because", "address": "a.b"}'
    for text in (
        f'{{"type": "change_summary", "changes": {counts}}}',
        '{"type": "apply_start", "hook": {"resource": {"addr": "a.b"}, "action": "create"}}',
        '{"type": "apply_complete", "hook": {"resource": {"addr": "a.b"}, "action": "create"}}',
        '{"type": "apply_complete", "hook": {"resource": {"addr": "data.c"}, "action": "read"}}',
        '{"type": "diagnostic", "diagnostic": {"severity": "warning", "summary": "hm"}}',
        f'{{"type": "diagnostic", "diagnostic": {error}}}',
        '{"type": "change_summary", "changes": {"add": 1, "operation": "apply"}}',
        "easel: note: of the glue",
        "[1, 2]",
        '{"other": 1}',
        "",
    ):
        lines.read(text)
    assert lines.planned == Changes(3, 1, 2, 1)
    assert str(lines.planned) == "3 to add, 1 to change, 2 to destroy, 1 to take over"
    assert (lines.ended, lines.working_on) == (1, "data.c")
    assert (lines.errors, lines.warnings) == (["no: because (a.b)"], ["hm"])
    assert lines.why == "no: because (a.b)"


def test_without_a_diagnostic_the_last_lines_say_why() -> None:
    lines = TerraformLines()
    assert lines.why == "it said nothing"
    for number in range(40):
        lines.read(f"line {number}")
    assert lines.why.splitlines()[-1] == "line 39"
    assert len(lines.why.splitlines()) == 25
