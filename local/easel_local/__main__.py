"""`python -m easel_local {up,down,status,demo}`: the verbs of the local stack."""

import argparse
import json
import math
import shlex
import sys
from collections.abc import Callable

import requests
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from easel_cli.aws_clients import AwsClients
from easel_cli.download import DownloadError
from easel_cli.progress import Progress
from easel_cli.target import Target
from easel_contract.plain_text import printable_lines
from easel_contract.task import RuntimeType
from easel_deploy.environments.root_module import TerraformError
from easel_deploy.exit_status import ExitStatus
from easel_deploy.terraform_config import TerraformConfigError
from easel_local import interrupts
from easel_local.demo import DemoError, demo_request, generate_pictures
from easel_local.emulator.process import EmulatorError
from easel_local.paths import HOME, OUT
from easel_local.ports import PortTakenError
from easel_local.presets import UnknownRuntimeError
from easel_local.private_files import ForeignFolderError, keep_private
from easel_local.services import ServiceError
from easel_local.stack import LocalStack, StackError, StackOptions
from easel_local.state import BusyError
from easel_local.status import show_status

_MAX_PORT = 65535
_MAX_SERVICE_SECONDS = 3600

_EXPECTED_ERRORS = (
    BotoCoreError,
    BusyError,
    ClientError,
    DemoError,
    DownloadError,
    EmulatorError,
    ForeignFolderError,
    PortTakenError,
    ServiceError,
    StackError,
    TerraformConfigError,
    TerraformError,
    TimeoutError,
    UnknownRuntimeError,
    requests.RequestException,
)


def _up(stack: LocalStack, progress: Progress, arguments: argparse.Namespace) -> int:
    with stack.state_file.locked():
        target = stack.up(_options(arguments))
    progress.say(_how_to_use(target))
    return 0


def _down(stack: LocalStack, progress: Progress, _: argparse.Namespace) -> int:
    with stack.state_file.locked():
        if not stack.down():
            progress.say("Nothing is up.")
    return 0


def _demo(stack: LocalStack, progress: Progress, arguments: argparse.Namespace) -> int:
    with stack.state_file.locked():
        target = stack.up(_options(arguments))
        try:
            pictures = generate_pictures(target, progress, OUT)
        finally:
            stack.down()
    progress.say("\n".join(map(str, pictures)))
    return 0


def _status(stack: LocalStack, progress: Progress, _: argparse.Namespace) -> int:
    state = stack.state_file.read()
    if state is None:
        progress.say("Nothing is up. `make up` brings the local stack up.")
    else:
        show_status(state, Console())
    return 0


def _options(arguments: argparse.Namespace) -> StackOptions:
    urls = {
        RuntimeType.SDWEBUI: arguments.sdwebui_url,
        RuntimeType.COMFYUI: arguments.comfyui_url,
    }
    return StackOptions(
        port=arguments.port,
        service_seconds=arguments.service_time,
        runtimes=[name.strip() for name in arguments.runtimes.split(",") if name.strip()],
        runtime_urls={kind: url.rstrip("/") for kind, url in urls.items() if url},
        traces=arguments.traces,
    )


def _how_to_use(target: Target) -> str:
    api_key = AwsClients(target).api_key(target.known_api_key_id)
    body = json.dumps(demo_request(target, next(iter(target.runtimes))))
    return f"""
endpoint       {target.endpoint}
API key        {api_key}
notifications  {target.notifications_topic_arn}

curl -X POST {target.endpoint}/v1alpha2 -H 'Content-Type: application/json' \\
  -H 'x-api-key: {api_key}' -d {shlex.quote(body)}

make status shows what runs; make down takes it down.
For your own terraform and aws commands: . {shlex.quote(str(HOME / "environment"))}"""


_VERBS: dict[str, tuple[Callable[[LocalStack, Progress, argparse.Namespace], int], str]] = {
    "up": (_up, "bring the local stack up"),
    "down": (_down, "take it down"),
    "status": (_status, "show what runs"),
    "demo": (_demo, "bring it up, make a picture with each runtime, take it down"),
}


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="easel_local", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, (_, text) in _VERBS.items():
        verb = verbs.add_parser(name, help=text)
        if name in ("up", "demo"):
            _add_stack_options(verb)
    return parser.parse_args()


def _add_stack_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--port", type=_port, default=0, help="of the emulator; 0: a free one")
    verb.add_argument(
        "--service-time",
        type=_seconds,
        default=1.0,
        help="seconds that a simulated runtime takes for a task",
    )
    verb.add_argument("--runtimes", default="sdwebui", help="sdwebui, dynamic, comfyui")
    verb.add_argument("--traces", action="store_true", help="collect traces, for `easel trace`")
    verb.add_argument("--sdwebui-url", help="a real SD WebUI to use")
    verb.add_argument("--comfyui-url", help="a real ComfyUI to use")


def _port(text: str) -> int:
    # As `make` has it: the person has typed PORT=.
    if not text.isdecimal() or int(text) > _MAX_PORT:
        raise argparse.ArgumentTypeError(f"PORT={text}: choose from 1 to {_MAX_PORT}, or 0")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= _MAX_SERVICE_SECONDS:
        raise argparse.ArgumentTypeError(
            f"SERVICE_TIME={text}: choose from 0 to {_MAX_SERVICE_SECONDS} seconds"
        )
    return value


def main() -> int:
    """Runs one verb; an error that a person can mend is one message, not a traceback."""
    arguments = _parse()
    interrupts.raise_on_signals()
    progress = Progress()
    verb, _ = _VERBS[arguments.verb]
    try:
        keep_private(HOME)
        return verb(LocalStack(HOME, progress), progress, arguments)
    except _EXPECTED_ERRORS as error:
        print(printable_lines(f"make {arguments.verb}: {error}"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"make {arguments.verb}: interrupted, everything is stopped", file=sys.stderr)
        return ExitStatus.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
