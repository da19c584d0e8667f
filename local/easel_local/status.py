"""Shows what runs, what waits and what came of the last tasks."""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from easel_cli.aws_clients import AwsClients
from easel_cli.target import Target
from easel_contract.plain_text import printable
from easel_local.state import StackState

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_LAST_RESULTS = 10
_TASK_COLUMNS = 24
_LEAST_DETAIL_COLUMNS = 20
_FINAL_EVENTS = {"task completed", "task failed", "task cancelled"}


def show_status(state: StackState, console: Console) -> None:
    """Prints the processes, the queues' depths and the last results of a stack."""
    console.print(_processes(state))
    logs = sorted({str(process.log.parent) for process in state.processes})
    console.print(_text(f"logs      {', '.join(logs)}"), soft_wrap=True)
    target = state.target
    if target is None:
        console.print("Terraform has not applied yet.")
        return
    console.print(_text(f"endpoint  {target.endpoint}"), soft_wrap=True)
    try:
        # Of the emulator alone, and worth nothing elsewhere.
        api_key = AwsClients(target).api_key(target.known_api_key_id)
        console.print(_text(f"API key   {api_key}"), soft_wrap=True)
        console.print(_queues(target))
    except (BotoCoreError, ClientError) as error:
        console.print(_text(f"The emulator does not answer: {error}"))
    console.print(_results(state))


def _processes(state: StackState) -> Table:
    table = Table("process", "pid", "state", title="Processes", title_justify="left")
    for process in state.processes:
        running = "running" if process.is_running() else "ENDED"
        table.add_row(_text(process.name), str(process.pid), running)
    return table


def _queues(target: Target) -> Table:
    sqs = AwsClients(target).sqs
    table = Table(
        "runtime", "waiting", "in flight", "dead letters", title="Queues", title_justify="left"
    )
    for name, runtime in target.runtimes.items():
        queue = _attributes(sqs, runtime.queue_url)
        dead_letters = _attributes(sqs, runtime.dead_letter_queue_url)
        depths = (
            queue["ApproximateNumberOfMessages"],
            queue["ApproximateNumberOfMessagesNotVisible"],
            dead_letters["ApproximateNumberOfMessages"],
        )
        table.add_row(_text(name), *map(_text, depths))
    return table


def _attributes(sqs: "SQSClient", queue_url: str) -> Mapping[str, str]:
    answer = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])
    return {str(name): value for name, value in answer["Attributes"].items()}


def _results(state: StackState) -> Table:
    table = Table(title="Last results", title_justify="left")
    # A long failure takes lines, not the width of the others.
    table.add_column("time", no_wrap=True)
    table.add_column("task", overflow="fold", max_width=_TASK_COLUMNS)
    table.add_column("result", no_wrap=True)
    table.add_column("detail", overflow="fold", min_width=_LEAST_DETAIL_COLUMNS)
    logs = [process.log for process in state.processes if process.name.startswith("agent-")]
    entries = sorted(
        (entry for log in logs for entry in _final_events(log)),
        key=lambda entry: str(entry.get("time")),
    )
    for entry in entries[-_LAST_RESULTS:]:
        detail = entry.get("reason") or f"{entry.get('pictures')} picture(s)"
        time_of_day = str(entry.get("time")).partition(" ")[2].partition(",")[0]
        cells = (time_of_day, entry.get("task_id"), entry["message"], detail)
        table.add_row(*map(_text, cells))
    return table


def _text(value: object) -> Text:
    """Shows what is in a value: rich takes brackets for markup, a terminal obeys ESC."""
    return Text(printable(str(value)))


def _final_events(log: Path) -> Iterator[dict[str, Any]]:
    if not log.exists():
        return
    with log.open(errors="replace") as lines:
        for line in deque(lines, maxlen=1000):
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # a library's own line
            if isinstance(entry, dict) and entry.get("message") in _FINAL_EVENTS:
                yield entry
