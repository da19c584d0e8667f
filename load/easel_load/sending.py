"""Runs the sender in a process of its own and follows what it sends."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from easel_load.plan import KEYS_VARIABLE, PLAN_VARIABLE, Plan, Sent

_SENDER = Path(__file__).with_name("sender.py")
_LOOK_SECONDS = 0.5
_ANSWER_SECONDS = 40
"""For requests that are under way at the end; the API itself gives up after 29 s."""
_NEWEST = 20
_HOPELESS = 0.5
_LAST_LINES = 5

Update = Callable[[list[Sent]], None]


class SendingError(Exception):
    """The load could not be sent; the message says why."""


def send(plan: Plan, keys: Mapping[str, str], update: Update) -> list[Sent]:
    """Sends the tasks of a plan.

    Stops early where the stack does not answer, or answers with faults of its own, more often than
    not: more load tells nothing then.

    Args:
        plan: what to send; its file `sent` is written.
        keys: values of the API keys by tenant.
        update: told of all that was sent so far.

    Returns:
        All requests, in the order of their answers.

    Raises:
        SendingError: the sending process failed.
    """
    with tempfile.TemporaryDirectory(prefix="easel-load-") as folder:
        # Made by `mkdtemp`: nobody else may look into the folder.
        file = Path(folder) / "plan.json"
        file.write_text(plan.model_dump_json())
        log = Path(folder) / "sender.log"
        with _process(file, keys, log) as process:
            sent: list[Sent] = []
            while process.poll() is None:
                time.sleep(_LOOK_SECONDS)
                sent = read_sent(plan.sent)
                update(sent)
                if is_hopeless(sent):
                    _stop(process)
            if process.returncode not in (0, -signal.SIGTERM):
                raise SendingError(_ending(process.returncode, log))
    return read_sent(plan.sent)


def read_sent(file: Path) -> list[Sent]:
    """Reads the file that the sender writes, as far as its lines are whole."""
    if not file.exists():
        return []
    lines = file.read_text().split("\n")[:-1]
    return [Sent.model_validate_json(line) for line in lines]


def is_hopeless(sent: list[Sent]) -> bool:
    """Whether most of the newest requests got no answer, or a 5xx without a time to come again."""
    newest = sent[-_NEWEST:]
    failed = [one for one in newest if one.status == 0 or (one.status >= 500 and not one.says_when)]  # noqa: PLR2004 - HTTP's server errors
    return len(newest) == _NEWEST and len(failed) > _HOPELESS * _NEWEST


@contextmanager
def _process(plan: Path, keys: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {PLAN_VARIABLE: str(plan), KEYS_VARIABLE: json.dumps(dict(keys))}
    command = [
        *(sys.executable, "-m", "locust", "--locustfile", str(_SENDER), "--headless"),
        *("--only-summary", "--loglevel", "WARNING", "--stop-timeout", str(_ANSWER_SECONDS)),
        "--skip-log-setup",
    ]
    with (
        log.open("wb") as output,
        subprocess.Popen(  # noqa: S603 - no shell; all words are ours
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A person's Ctrl-C reaches this process alone, which ends the other in order.
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_ANSWER_SECONDS + 5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _ending(status: int, log: Path) -> str:
    last = "\n".join(log.read_text(errors="replace").splitlines()[-_LAST_LINES:])
    return f"The sender ended with status {status}. It said last:\n{last}"
