"""Shows what runs, what waits and what came of the last tasks."""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from easel_cli.aws_clients import AwsClients
from easel_cli.target import Target
from easel_local.state import StackState

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_LAST_RESULTS = 10
_FINAL_EVENTS = {"task completed", "task failed", "task cancelled"}


def show_status(state: StackState, console: Console) -> None:
    """Prints the processes, the queues' depths and the last results of a stack."""
    console.print(_processes(state))
    logs = sorted({str(process.log.parent) for process in state.processes})
    console.print(f"logs      {', '.join(logs)}", soft_wrap=True, highlight=False)
    target = state.target
    if target is None:
        console.print("Terraform has not applied yet.")
        return
    console.print(f"endpoint  {target.endpoint}", soft_wrap=True, highlight=False)
    try:
        console.print(_queues(target))
    except (BotoCoreError, ClientError) as error:
        console.print(f"The emulator does not answer: {error}", markup=False)
    console.print(_results(state))


def _processes(state: StackState) -> Table:
    table = Table("process", "pid", "state", title="Processes", title_justify="left")
    for process in state.processes:
        running = "running" if process.is_running() else "ENDED"
        table.add_row(process.name, str(process.pid), running)
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
        table.add_row(name, *depths)
    return table


def _attributes(sqs: "SQSClient", queue_url: str) -> Mapping[str, str]:
    answer = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])
    return {str(name): value for name, value in answer["Attributes"].items()}


def _results(state: StackState) -> Table:
    table = Table("time", "task", "result", title="Last results", title_justify="left")
    table.add_column("detail", no_wrap=True)
    logs = [process.log for process in state.processes if process.name.startswith("agent-")]
    entries = sorted(
        (entry for log in logs for entry in _final_events(log)), key=lambda entry: entry["time"]
    )
    for entry in entries[-_LAST_RESULTS:]:
        detail = entry.get("reason") or f"{entry.get('pictures')} picture(s)"
        time_of_day = entry["time"].partition(" ")[2].partition(",")[0]
        table.add_row(time_of_day, entry["task_id"], entry["message"], detail)
    return table


def _final_events(log: Path) -> Iterator[dict[str, str]]:
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
