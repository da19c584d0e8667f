"""The `easel` command."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import requests
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from easel_cli.addon_versions import add_addons, print_default_versions
from easel_cli.config_import import add_arguments as add_import_arguments
from easel_cli.config_import import config_import
from easel_cli.dead_letters import DeadLetterError, dead_letters
from easel_cli.env_new import add_arguments as add_environment_arguments
from easel_cli.env_new import env_new
from easel_cli.progress import Progress
from easel_cli.request_building import RequestError
from easel_cli.submit import API_KEY_VARIABLE, RefusedError, submit
from easel_cli.target import Target
from easel_cli.target_source import TargetError, find_target, stack_outputs
from easel_cli.tasks import add_tasks
from easel_cli.watch import watch
from easel_contract.plain_text import printable_lines
from easel_deploy.cluster.errors import ClusterError
from easel_deploy.exit_status import ExitStatus
from easel_mirror.verb import add_mirror, mirror
from easel_models.verbs import add_models, models
from easel_snapshot.verbs import add_snapshot, run_snapshot_verb

_Command = Callable[[argparse.Namespace, Target, Progress], ExitStatus]

_STATUSES: tuple[tuple[type[Exception], ExitStatus], ...] = (
    (RequestError, ExitStatus.USAGE),
    (DeadLetterError, ExitStatus.USAGE),
    (TargetError, ExitStatus.USAGE),
    (RefusedError, ExitStatus.REFUSED),
    (ClusterError, ExitStatus.FAILED),
    (TimeoutError, ExitStatus.TIMED_OUT),
    (ClientError, ExitStatus.FAILED),
    (BotoCoreError, ExitStatus.FAILED),
    (requests.RequestException, ExitStatus.FAILED),
)

_DLQ_ACTIONS = {
    "list": "name them with their reasons",
    "show": "print them",
    "redrive": "queue them again",
    "purge": "remove them for good",
}

# These need no stack: they write files, or look at what is there before one.
_WITHOUT_A_STACK = (
    config_import,
    env_new,
    mirror,
    models,
    print_default_versions,
    run_snapshot_verb,
)


def main() -> int:
    """Runs one command.

    Returns:
        0 completed, 1 failed, 2 wrong usage, 3 refused by the API, 4 no result in time,
        130 interrupted.
    """
    arguments = _parser().parse_args()
    try:
        if arguments.command in _WITHOUT_A_STACK:
            status: int = arguments.command(arguments)
            return status
        # Standard output is for scripts, standard error for people.
        progress = Progress(Console(highlight=False, stderr=arguments.json))
        command: _Command = arguments.command
        return command(arguments, find_target(arguments.env, arguments.outputs), progress)
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except tuple(kind for kind, _ in _STATUSES) as error:
        print(printable_lines(f"easel: {error}"), file=sys.stderr)
        return next(status for kind, status in _STATUSES if isinstance(error, kind))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="easel", description="Uses a stack of easel.")
    verbs = parser.add_subparsers(required=True, metavar="{submit,watch,tasks,dlq,config,...}")
    stack, waiting = _stack_options(), _waiting_options()
    _add_submit(verbs.add_parser("submit", parents=[stack, waiting], help="make pictures"))
    _add_watch(
        verbs.add_parser("watch", parents=[stack, waiting], help="show results as they come")
    )
    add_tasks(verbs.add_parser("tasks", help="list, show, cancel, await tasks"), stack)
    _add_dlq(verbs.add_parser("dlq", parents=[stack], help="look after the dead letters"))
    config = verbs.add_parser("config", help="take over a configuration of sd-on-eks")
    importing = config.add_subparsers(required=True).add_parser("import", help="from config.yaml")
    add_import_arguments(importing)
    importing.set_defaults(command=config_import)
    env = verbs.add_parser("env", help="look after the folders under envs/")
    new = env.add_subparsers(required=True).add_parser("new", help="make another region's")
    add_environment_arguments(new)
    new.set_defaults(command=env_new)
    add_addons(verbs.add_parser("eks", help="pin a cluster's add-ons"))
    add_mirror(verbs.add_parser("mirror", help="copy images and charts into the account's ECR"))
    add_models(verbs.add_parser("models", help="look after the model bucket"), stack, stack_outputs)
    add_snapshot(verbs.add_parser("snapshot", help="put images into EBS snapshots: quick nodes"))
    return parser


def _stack_options(default: str | None = None) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False, argument_default=default)
    which = options.add_mutually_exclusive_group()
    which.add_argument("--env", help="folder under envs/ (default: the local stack that is up)")
    which.add_argument("--outputs", type=Path, help="file of `terraform output -json`")
    options.add_argument("--json", action="store_true", help="print results as JSON lines")
    return options


def _waiting_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("--out", default="out", help="folder for pictures (default: out)")
    options.add_argument(
        "--timeout", type=float, default=900, help="seconds to wait (default: 900)"
    )
    return options


def _add_submit(verb: argparse.ArgumentParser) -> None:
    verb.set_defaults(command=submit)
    verb.epilog = (
        f"The API key is read from {API_KEY_VARIABLE}, or from AWS. Where the stack asks for "
        "signatures (AWS_IAM), AWS credentials take its place."
    )
    what = verb.add_mutually_exclusive_group(required=True)
    what.add_argument("--prompt", help="what to draw (SD WebUI)")
    what.add_argument("--upscale", type=float, metavar="FACTOR", help="enlarge the --image")
    what.add_argument("--workflow", type=Path, help="workflow saved with Save (API Format)")
    what.add_argument("--request", type=Path, help="whole request of either API version")
    verb.add_argument("--runtime", help="its name (default: the only one of the right type)")
    verb.add_argument("--image", action="append", help="file, http(s):// or s3:// URL; repeatable")
    verb.add_argument("--negative-prompt", default="")
    verb.add_argument("--size", default="512x512", help="WIDTHxHEIGHT (default: 512x512)")
    verb.add_argument("-n", "--count", type=int, default=1, help="how many pictures (default: 1)")
    verb.add_argument("--steps", type=int, default=20)
    verb.add_argument("--seed", type=int)
    verb.add_argument("--checkpoint", help="to load first (dynamic runtimes)")
    verb.add_argument("--upscaler", default="R-ESRGAN 4x+")
    verb.add_argument("--id", help="of the task (default: a random one)")
    verb.add_argument("--prefix", default="output", help="folder in the bucket")
    verb.add_argument("--context", help="text or JSON that comes back with the result")
    verb.add_argument("--deadline", type=int, metavar="SECONDS", help="fail if not done by then")
    verb.add_argument("--callback-url", help="https:// URL that gets the callback, too")
    verb.add_argument("--idempotency-key", help="the same key again within 24 h: the same task")
    verb.add_argument("--no-wait", action="store_true", help="end when the task is accepted")


def _add_watch(verb: argparse.ArgumentParser) -> None:
    verb.set_defaults(command=watch)
    verb.add_argument(
        "ids", nargs="*", metavar="ID", help="ids or uids of tasks to wait for (default: all)"
    )


def _add_dlq(verb: argparse.ArgumentParser) -> None:
    verb.description = "Looks after tasks that no agent could bring to a good end."
    actions = verb.add_subparsers(dest="action", required=True)
    # The stack is named before the action or after it: the second must not undo the first.
    stack = _stack_options(argparse.SUPPRESS)
    for name, words in _DLQ_ACTIONS.items():
        action = actions.add_parser(name, parents=[stack], help=words, description=words)
        action.set_defaults(command=dead_letters, all=False)
        alone = name == "list"
        action.add_argument(
            "runtime", nargs="?" if alone else None, help="its name" + " (default: all)" * alone
        )
        changes = name in ("redrive", "purge")
        default = "" if changes else " (default: all)"
        action.add_argument(
            "ids", nargs="*", default=[], metavar="ID", help=f"task or message ids{default}"
        )
        if changes:
            action.add_argument("--all", action="store_true", help=f"{name} every one")


if __name__ == "__main__":
    sys.exit(main())
