"""`make load`: how much a stack takes, and what limits it."""

import json
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial

from easel_cli.aws_clients import AwsClients
from easel_cli.progress import Progress
from easel_cli.target import Target
from easel_cli.tasks import TasksApi
from easel_deploy.exit_status import ExitStatus
from easel_load.arrivals import Pattern
from easel_load.consent import may_go_on
from easel_load.ends import Ends
from easel_load.figures import Figures
from easel_load.knee import Search, Step, find_knee
from easel_load.loading import Load, TooManyTasksError
from easel_load.mix import default_mix, mix_of_files
from easel_load.options import LoadOptions, Shape
from easel_load.report import Report, write_report
from easel_load.senders import apis_of, senders_of


def load(options: LoadOptions, target: Target, progress: Progress) -> ExitStatus:
    """Loads a stack and writes what was measured.

    Args:
        options: what a person has chosen.
        target: the stack.
        progress: told of each run as it ends, and of the verdict.

    Returns:
        COMPLETED; FAILED where a task was lost or did not end.

    Raises:
        easel_cli.request_building.RequestError: an option does not fit the stack.
        easel_load.sending.SendingError: nothing could be sent.
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: AWS did not let it.
    """
    mix = (
        mix_of_files(options.requests, target)
        if options.requests
        else default_mix(target, options.runtimes)
    )
    clients = AwsClients(target)
    senders = senders_of(options, target, clients)
    options.out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        apis = {
            tenant: TasksApi(stack.enter_context(api))
            for tenant, api in apis_of(target, clients, senders).items()
        }
        if not may_go_on(options, target, next(iter(apis.values())), progress):
            return ExitStatus.INTERRUPTED
        ends = Ends(apis, options.timeout)
        loading = Load(options, target, mix=mix, senders=senders, ends=ends, progress=progress)
        search, note = _carry_out(options, loading, progress)
    name = options.env or "local"
    report = Report(datetime.now(UTC), name, options.shape, loading.runs, search, note)
    return _report(report, options, progress)


def _report(report: Report, options: LoadOptions, progress: Progress) -> ExitStatus:
    for line in report.verdict:
        progress.say(line)
    html, data = write_report(report, options.out)
    progress.say(f"report: {html}\ndata:   {data}")
    if options.json:
        sys.stdout.write(json.dumps(report.summary()) + "\n")
    return ExitStatus.COMPLETED if report.is_whole else ExitStatus.FAILED


def _carry_out(
    options: LoadOptions, loading: Load, progress: Progress
) -> tuple[Search | None, str | None]:
    """Runs what was chosen; returns the search, and why it ended early, where it did."""
    if options.shape is not Shape.KNEE:
        loading.run(Pattern(options.shape), options.rate)
        return None, None
    made: list[Step] = []

    def told(step: Step) -> None:
        made.append(step)
        progress.say(f"  {'kept up' if step.keeps_up else 'too much'}: {_line(step.figures)}")

    try:
        return (
            find_knee(
                partial(loading.run, Pattern.CONSTANT),
                first_rate=options.rate,
                most_rate=options.most_rate,
                halvings=options.halvings,
                told=told,
            ),
            None,
        )
    except TooManyTasksError as error:
        # What was measured until then is worth a report.
        return Search(tuple(made)), str(error)


def _line(figures: Figures) -> str:
    p50, p95 = figures.end_to_end.p50, figures.end_to_end.p95
    took = "" if p50 is None else f", end to end p50 {p50:.2f} s, p95 {p95:.2f} s"
    return (
        f"{figures.completed} of {figures.sent} tasks completed, "
        f"{figures.finished_rate:.2f} per second{took}"
    )
