"""What a hostile runtime or message says is shown, never obeyed: terminals, logs, callbacks."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from easel_agent.logs import log_as_json
from easel_cli.progress import Progress
from easel_cli.target import Target
from easel_contract.errors import (
    MAX_MESSAGE_CHARACTERS,
    ContractError,
    Problem,
    TaskError,
    TaskErrorCode,
)
from easel_contract.identifiers import check_checkpoint
from easel_contract.json_text import decode_json, encode_json
from easel_contract.plain_text import (
    is_sendable,
    printable,
    printable_json,
    printable_lines,
    sendable_json,
)
from easel_contract.result import ResultStatus, TaskResult
from easel_contract.task import TaskMessage
from easel_local.processes import ManagedProcess
from easel_local.state import StackState
from easel_local.status import show_status

pytestmark = pytest.mark.unit

HOSTILE = [
    "[/foo]",
    "[bold red]alarm[/]",
    ":warning:",
    "\x1b[2J\x1b[H",
    "\x1b]52;c;cm0gLXJmIH4=\x07",
    "\x1b]8;;http://example.com\x1b\\click\x1b]8;;\x1b\\",
    "\x9b31m",
    "\x9d0;title\x9c",
    "a\r\nforged line",
    "a\u2028b\u2029c\x85d",
    "\u202egnp.exe",
    "\u2066\u2069\u200f",
    "zero\u200bwidth\ufeff\u2060",
    "\x00\x07\x08\x7f",
    "\ud800 lone",
    "\ufffe\uffff\U0001fffe",
    "\U000e0041tag",
]
OBEYED = frozenset(
    {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0))}
    | {*"\u200b\u200e\u200f\u202a\u202e\u2028\u2029\u2060\u2066\u2069\ufeff\ufffe\uffff\ud800"}
    | {"\U000e0041", "\U0001fffe"}
)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    shown = printable(text)
    assert not OBEYED & set(shown)
    assert printable(shown) == shown
    assert not OBEYED & set(printable_json({text: [text]}))


@pytest.mark.parametrize("text", HOSTILE)
def test_json_for_terminals_and_queues_reads_back_as_it_was(text: str) -> None:
    assert json.loads(printable_json({text: [text]})) == {text: [text]}
    raw = json.dumps(text, ensure_ascii=False)
    assert json.loads(sendable_json(raw)) == text
    assert is_sendable(sendable_json(raw))


@pytest.mark.parametrize("text", ["a dog", "图　片 😀", "naïve “quoted”", "back\\slash [1, 2]"])
def test_peoples_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text
    assert json.loads(printable_json(text)) == text


def test_lines_stay_lines() -> None:
    assert printable_lines("one\n\x1btwo\r") == "one\n\\x1btwo\\r"


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.parametrize("text", HOSTILE)
def test_progress_shows_names_and_words_as_they_are(text: str, is_terminal: bool) -> None:
    written = io.StringIO()
    console = Console(
        file=written, force_terminal=is_terminal, color_system=None, width=200, highlight=False
    )
    progress = Progress(console)
    with progress.step(text) as update:
        update(text)
        update("done")
    progress.say(text)
    assert f"  done  {printable(text)} (" in written.getvalue().replace("\n", "")
    # rich's own sequences move the cursor; none of the text's is among them.
    assert not any(one in written.getvalue() for one in ("\x1b]", "\x1b[2J", "\x1b[H", "\x9b"))
    if not is_terminal:
        assert not (OBEYED - {"\n"}) & set(written.getvalue())


@pytest.mark.parametrize("text", HOSTILE)
def test_an_error_is_cleaned_where_it_is_made(text: str) -> None:
    error = TaskError(code=TaskErrorCode.RUNTIME_FAILED, message=f"node {text} failed")
    assert error.message == f"node {printable(text)} failed"
    problem = ContractError([Problem(field=f"trace.{text}", problem=text)])
    assert str(problem) == printable(f"trace.{text}: {text}")


def test_an_error_has_a_bounded_length() -> None:
    error = TaskError(code=TaskErrorCode.RUNTIME_FAILED, message="\U000e0041" * 1_000_000)
    assert len(error.message) == MAX_MESSAGE_CHARACTERS
    assert error.message.endswith("...")
    problems = [Problem(field="x" * 1000, problem="is wrong")] * 10_000
    assert len(str(ContractError(problems))) == MAX_MESSAGE_CHARACTERS


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    written = io.StringIO()
    root, own = logging.getLogger(), logging.getLogger("easel_agent")
    handlers, level, own_level = root.handlers[:], root.level, own.level
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    log_as_json("INFO")
    yield written
    logging.captureWarnings(capture=False)
    root.handlers[:], own.level = handlers, own_level
    root.setLevel(level)
    own.setLevel(own_level)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_log_line_is_one_line_of_ascii(text: str, log: io.StringIO) -> None:
    logger = logging.getLogger("easel_agent.test")
    logger.error(
        "task %s failed", text, extra={"reason": text, text: text}, exc_info=ValueError(text)
    )
    line = log.getvalue()
    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert not OBEYED & set(line[:-1])
    assert line.isascii()
    assert json.loads(line)["reason"] == text


def test_a_log_line_has_a_bounded_length(log: io.StringIO) -> None:
    logging.getLogger("easel_agent.test").error(
        "%s", "x" * 1_000_000, extra={"reason": "y" * 1_000_000, "many": ["z" * 1000] * 1000}
    )
    # The container runtime splits a longer line, and no collector reads its parts as JSON.
    assert len(log.getvalue()) <= 16 * 1024
    assert json.loads(log.getvalue())["reason"].startswith("yyy")


def test_fields_without_number_are_bounded_too(log: io.StringIO) -> None:
    fields = {f"field{number}": "x" * 100 for number in range(1000)}
    logging.getLogger("easel_agent.test").error("many", extra=fields)
    assert len(log.getvalue()) <= 16 * 1024
    assert json.loads(log.getvalue())["level"] == "ERROR"


def test_what_nobody_has_caught_is_a_log_line_too(log: io.StringIO) -> None:
    def fail() -> None:
        raise ValueError("\x1b[2J\nforged")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    error = ValueError("\x1b]0;title\x07\nforged")
    sys.excepthook(ValueError, error, None)
    warnings.warn("\x1b[H\nforged", stacklevel=1)
    lines = log.getvalue().splitlines()
    assert [json.loads(line)["level"] for line in lines] == ["CRITICAL", "CRITICAL", "WARNING"]
    assert "\x1b" not in log.getvalue()


TARGET = Target(
    region="us-east-1",
    endpoint="http://[/foo]",
    api_key_id="k",
    output_bucket="b",
    records_table="r",
    tasks_topic_arn="t",
    notifications_topic_arn="n",
    runtimes={},
    aws_endpoint_url="http://127.0.0.1:9",
)


def status_of(log: Path, columns: int) -> str:
    """What `make status` shows of a stack whose only agent writes this log."""
    process = ManagedProcess(name="agent-[/foo]", pid=2**22, create_time=0.0, log=log)
    state = StackState(started_at=datetime.now(UTC), processes=[process], target=TARGET)
    written = io.StringIO()
    show_status(state, Console(file=written, width=columns))
    return written.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_make_status_shows_the_last_results_whatever_is_in_them(text: str, tmp_path: Path) -> None:
    log = tmp_path / f"[/foo]{printable(text)}" / "agent.log"
    log.parent.mkdir(parents=True)
    entry = {"time": f"2026-11-28 08:00:00,1{text}", "message": "task failed"}
    entries = [entry | {"task_id": text, "reason": text}, entry, {"message": "task failed"}]
    entries += [entry | {"task_id": [text], "reason": {text: text}}]
    log.write_text("\n".join(map(json.dumps, entries)) + "\nno json " + text.strip("\ud800"))
    shown = status_of(log, columns=300)
    assert not (OBEYED - {"\n"}) & set(shown)
    assert "agent-[/foo]" in shown
    assert printable(text) in shown


def test_a_long_failure_leaves_room_for_the_other_columns(tmp_path: Path) -> None:
    reason = "there is no checkpoint 'anime/lamp-v3.safetensors'; known: " + "model, " * 60
    entry = {"time": "2026-11-28 08:01:02,1", "message": "task failed", "task_id": "case-01"}
    log = tmp_path / "agent.log"
    log.write_text(json.dumps(entry | {"reason": reason}))
    shown = status_of(log, columns=80)
    [line] = [one for one in shown.splitlines() if "case-01" in one]
    assert [cell.strip() for cell in line.split("│")[1:4]] == ["08:01:02", "case-01", "task failed"]
    assert shown.count("model") == 60


def test_what_queues_refuse_travels_escaped() -> None:
    context = {"\uffff": "a\ufffeb"}
    metadata = {"id": "a", "runtime": "r", "tasktype": "pipeline", "prefix": "out"}
    message = TaskMessage.model_validate(
        {"metadata": metadata | {"context": context}, "content": {"text": "\ufffe"}}
    )
    result = TaskResult(id="a", result=True, context=context, status=ResultStatus.COMPLETED)
    for text in (message.to_json(), result.to_json(), encode_json(context)):
        assert is_sendable(text)
        assert "\\ufffe" in text
    assert TaskMessage.model_validate_json(message.to_json()) == message
    assert TaskResult.model_validate_json(result.to_json()) == result
    assert decode_json(encode_json(context)) == context


@pytest.mark.parametrize("name", ["a\ufffe", "\uffffb", "\x1b[2J", "\ud800"])
def test_a_checkpoint_that_no_topic_takes_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="without control characters"):
        check_checkpoint(name)
