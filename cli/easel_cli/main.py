"""The `easel` command."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from types import FrameType
from typing import Annotated, TypeVar

import requests
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from easel_cli import dead_letters, tasks
from easel_cli.addon_versions import AddonsOptions, print_default_versions
from easel_cli.config_import import ConfigImportOptions, config_import
from easel_cli.dashboard import DashboardOptions, dashboard
from easel_cli.dashboard.body import DashboardError
from easel_cli.deployment.deploy import deploy
from easel_cli.deployment.options import DeployOptions
from easel_cli.env_new import EnvNewOptions, env_new
from easel_cli.progress import Progress
from easel_cli.request_building import RequestError
from easel_cli.submit import RefusedError, submit
from easel_cli.submit_options import API_KEY_VARIABLE, SubmitOptions
from easel_cli.target import Target
from easel_cli.target_source import TargetError, find_target, known_outputs, stack_outputs
from easel_cli.trace import TraceOptions, trace
from easel_cli.verify import VerifyOptions, verify
from easel_cli.watch import WatchOptions, watch
from easel_cost.verb import cost_commands
from easel_deploy.cluster.errors import ClusterError
from easel_deploy.command_line import (
    StackOptions,
    add_command,
    command_group,
    complain,
    run_command_line,
    take_options_before,
)
from easel_deploy.exit_status import ExitStatus
from easel_doctor.verb import DoctorOptions, doctor
from easel_mirror.verb import add_mirror
from easel_models.verbs import model_commands
from easel_snapshot.verbs import snapshot_commands

_Options = TypeVar("_Options", bound=StackOptions)
_Verb = Callable[[_Options, Target, Progress], ExitStatus]

_STATUSES: tuple[tuple[type[Exception], ExitStatus], ...] = (
    (RequestError, ExitStatus.USAGE),
    (dead_letters.DeadLetterError, ExitStatus.USAGE),
    (TargetError, ExitStatus.USAGE),
    (DashboardError, ExitStatus.USAGE),
    (RefusedError, ExitStatus.REFUSED),
    (ClusterError, ExitStatus.FAILED),
    (TimeoutError, ExitStatus.TIMED_OUT),
    (ClientError, ExitStatus.FAILED),
    (BotoCoreError, ExitStatus.FAILED),
    (requests.RequestException, ExitStatus.FAILED),
)

_ENDING = (signal.SIGTERM, signal.SIGHUP)

_PICTURES = "Make pictures"
_STACK = "Look after a stack"
_ACCOUNT = "Prepare an account"
_SETTINGS = "Write settings"


def main() -> int:
    """Runs one command.

    Returns:
        0 completed, 1 failed, 2 wrong usage, 3 refused by the API, 4 no result in time,
        130 interrupted.
    """
    try:
        return run_command_line(command_line(), "easel", sys.argv[1:])
    except tuple(kind for kind, _ in _STATUSES) as error:
        complain(str(error))
        return next(status for kind, status in _STATUSES if isinstance(error, kind))


def command_line() -> typer.Typer:
    """Returns all commands that a person types."""
    commands = command_group("Makes pictures with a stack of easel, and looks after the stack.")
    commands.callback()(_options_of_easel)
    _add_picture_commands(commands)
    for group, name, panel in (
        (_task_commands(), "tasks", _PICTURES),
        (_dead_letter_commands(), "dlq", _STACK),
        (model_commands(stack_outputs), "models", _ACCOUNT),
        (snapshot_commands(), "snapshot", _ACCOUNT),
        (cost_commands(), "cost", _ACCOUNT),
        (_config_commands(), "config", _SETTINGS),
        (_env_commands(), "env", _SETTINGS),
        (_eks_commands(), "eks", _SETTINGS),
    ):
        commands.add_typer(group, name=name, rich_help_panel=panel)
    add_mirror(commands, rich_help_panel=_ACCOUNT)
    words = "Bring an account from nothing to a verified stack, or go on with that."
    add_command(
        *(commands, "deploy", deploy, DeployOptions, words),
        rich_help_panel=_STACK,
        # As the command of sd-on-eks had it.
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    words = "Show a stack's figures, live."
    add_command(
        *(commands, "dashboard", _with_stack(dashboard), DashboardOptions, words),
        rich_help_panel=_STACK,
    )
    words = "Look over an environment before its apply and a stack after it."
    add_command(
        *(commands, "doctor", partial(doctor, known=known_outputs), DoctorOptions, words),
        rich_help_panel=_STACK,
    )
    return commands


def _add_picture_commands(commands: typer.Typer) -> None:
    epilog = (
        f"The API key is read from {API_KEY_VARIABLE}, or from AWS. Where the stack asks for "
        "signatures (AWS_IAM), AWS credentials take its place."
    )
    add_command(
        *(commands, "submit", _with_stack(submit), SubmitOptions, "Make pictures."),
        rich_help_panel=_PICTURES,
        epilog=epilog,
    )
    add_command(
        *(commands, "watch", _with_stack(watch), WatchOptions, "Show results as they come."),
        rich_help_panel=_PICTURES,
    )
    words = "Show where a task's time went, as a tree."
    add_command(
        *(commands, "trace", _with_stack(trace), TraceOptions, words), rich_help_panel=_PICTURES
    )
    words = "Send every kind of request, and look at the pictures."
    add_command(
        *(commands, "verify", _with_stack(verify), VerifyOptions, words),
        rich_help_panel=_STACK,
        epilog=epilog,
    )


def _show_version(is_asked_for: bool) -> None:
    if is_asked_for:
        sys.stdout.write(f"easel {version('easel')}\n")
        raise typer.Exit


def _options_of_easel(
    _: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", is_eager=True, callback=_show_version
        ),
    ] = False,
) -> None:
    """Carries nothing out: the options end the program themselves."""


@contextmanager
def _interruptible() -> Iterator[None]:
    """Has SIGTERM and SIGHUP end the block as Ctrl-C does.

    What was made for its time, a queue and a subscription, is removed with it.
    """
    before = {number: signal.signal(number, _interrupt) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, _: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


def _with_stack(verb: _Verb[_Options]) -> Callable[[_Options], ExitStatus]:
    def run(options: _Options) -> ExitStatus:
        # Standard output is for scripts, standard error for people.
        progress = Progress(Console(highlight=False, stderr=options.json))
        with _interruptible():
            target = find_target(options.env, options.outputs)
            if options.env is not None and target.aws_endpoint_url is not None:
                complain(f"{options.env} is the one on this machine, not on AWS")
            return verb(options, target, progress)

    return run


def _task_commands() -> typer.Typer:
    group = command_group("List, show, cancel, await tasks.")
    words = "List tasks, newest first."
    add_command(group, "list", _with_stack(tasks.list_tasks), tasks.ListOptions, words)
    words = "Show status, timings, pictures."
    add_command(group, "show", _with_stack(tasks.show_tasks), tasks.ShowOptions, words)
    words = "Cancel waiting or running tasks."
    add_command(group, "cancel", _with_stack(tasks.cancel_tasks), tasks.NamedTasksOptions, words)
    words = "Wait until all have ended."
    add_command(group, "wait", _with_stack(tasks.wait_for_tasks), tasks.WaitOptions, words)
    return group


def _dead_letter_commands() -> typer.Typer:
    group = command_group("Look after tasks that no agent could bring to a good end.")
    take_options_before(group, StackOptions)
    add_command(
        *(group, "list", _with_stack(partial(dead_letters.dead_letters, "list"))),
        *(dead_letters.ListedDeadLettersOptions, "Name them with their reasons."),
    )
    add_command(
        *(group, "show", _with_stack(partial(dead_letters.dead_letters, "show"))),
        *(dead_letters.DeadLettersOfRuntimeOptions, "Print them."),
    )
    add_command(
        *(group, "redrive", _with_stack(partial(dead_letters.dead_letters, "redrive"))),
        *(dead_letters.ChangedDeadLettersOptions, "Queue them again."),
    )
    add_command(
        *(group, "purge", _with_stack(partial(dead_letters.dead_letters, "purge"))),
        *(dead_letters.ChangedDeadLettersOptions, "Remove them for good."),
    )
    return group


def _config_commands() -> typer.Typer:
    group = command_group("Take over a configuration of sd-on-eks.")
    add_command(group, "import", config_import, ConfigImportOptions, "Take over a config.yaml.")
    return group


def _env_commands() -> typer.Typer:
    group = command_group("Look after the folders under envs/.")
    add_command(group, "new", env_new, EnvNewOptions, "Make another region's folder.")
    return group


def _eks_commands() -> typer.Typer:
    group = command_group("Pin a cluster's add-ons.")
    words = "Print addon_versions for terraform.tfvars."
    add_command(group, "addons", print_default_versions, AddonsOptions, words)
    return group


if __name__ == "__main__":
    sys.exit(main())
