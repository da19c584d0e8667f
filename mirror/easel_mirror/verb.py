"""`easel mirror --env REGION --plan|--run`."""

import signal
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console

from easel_deploy.command_line import WrongUsageError, add_command, complain
from easel_deploy.exit_status import ExitStatus
from easel_mirror.errors import MirrorError, RefusedError
from easel_mirror.reference import is_repository
from easel_mirror.run import Options, Run
from easel_mirror.wanted_list import Platform

_DEFAULT_PARALLEL = 6
_MOST_PARALLEL = 32
_ENVIRONMENTS = Path("envs")
_SPOOL = Path(".easel", "mirror")


def _repeatable(words: str, metavar: str | None = None) -> Any:
    return typer.Option(help=f"{words}; repeatable", metavar=metavar)


@dataclass(frozen=True, kw_only=True)
class MirrorOptions:
    """Options of `easel mirror`.

    Attributes:
        plan: show what there is to copy.
        run: copy it.
        env: folder under envs/.
        environments: folder of all environments.
        image: more images or artifacts.
        platform: of images only these; none: all.
        to: registry and prefix; None: the account's ECR.
        spool: folder for what is on its way.
        parallel: blobs at once.
        json: the result is printed as JSON.

    Raises:
        WrongUsageError: neither a plan nor a run is asked for, or both, or nothing to copy.
    """

    plan: Annotated[
        bool, typer.Option("--plan", help="show what there is to copy; copy nothing")
    ] = False
    run: Annotated[bool, typer.Option("--run", help="copy it, and write what Terraform needs")] = (
        False
    )
    env: Annotated[str | None, typer.Option(help="folder under envs/, such as cn-northwest-1")] = (
        None
    )
    environments: Annotated[Path, typer.Option(help="folder of all", metavar="FOLDER")] = (
        _ENVIRONMENTS
    )
    image: Annotated[
        list[str],
        _repeatable("one more image or artifact, such as ghcr.io/owner/name:1.0", "REFERENCE"),
    ] = field(default_factory=list)
    platform: Annotated[
        list[Platform],
        _repeatable("copy of images only these, and what nodes need (default: all)"),
    ] = field(default_factory=list)
    to: Annotated[
        str | None,
        typer.Option(
            metavar="HOST/PREFIX",
            help="another registry than the account's ECR; its repositories make themselves",
        ),
    ] = None
    spool: Annotated[Path, typer.Option(help="folder for what is on its way", metavar="FOLDER")] = (
        _SPOOL
    )
    parallel: Annotated[int, typer.Option(help="blobs at once", min=1, max=_MOST_PARALLEL)] = (
        _DEFAULT_PARALLEL
    )
    json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False

    def __post_init__(self) -> None:
        """Looks at options that belong together."""
        problems = []
        if self.plan == self.run:
            problems.append("say --plan or --run: one of them")
        if not self.env and not (self.to and self.image):
            problems.append(
                "name the environment whose list is to be copied: --env cn-northwest-1; or, "
                "without one, images and a registry: --image REFERENCE --to HOST/PREFIX"
            )
        if self.to is not None and None in self.registry():
            problems.append(f"--to {self.to}: is to be like registry.example.com/easel")
        if problems:
            raise WrongUsageError(problems)

    def registry(self) -> tuple[str | None, str | None]:
        """Returns host and prefix of --to; None and None where it is not like HOST/PREFIX."""
        host, _, prefix = (self.to or "").partition("/")
        return (host, prefix) if host and is_repository(prefix) else (None, None)


def add_mirror(commands: typer.Typer, **more: Any) -> None:
    """Adds `easel mirror`.

    Args:
        commands: to add to.
        more: as `easel_deploy.command_line.add_command` takes it.
    """
    words = (
        "Copy images and charts into the account's ECR: all that a deployment pulls (charts and "
        "images of Karpenter and KEDA, the agent's base image, runtimes' images from elsewhere), "
        "by digest. May be run again at any time: what is there is left alone, what was half "
        "fetched goes on."
    )
    short = "Copy images and charts into the account's ECR."
    add_command(commands, "mirror", mirror, MirrorOptions, words, short_help=short, **more)


def mirror(options: MirrorOptions) -> int:
    """Runs the verb; a signal ends it in order.

    Returns:
        0 all that was to be copied is there (of a plan: can be copied), 1 something is not, 2 wrong
        usage or settings, 130 interrupted.
    """
    stop = threading.Event()

    def interrupt(number: int, _: FrameType | None) -> None:
        stop.set()
        raise KeyboardInterrupt(signal.Signals(number).name)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, interrupt)
    console = Console(highlight=False, stderr=options.json)
    try:
        return Run(_run_options(options), console, stop).result()
    except KeyboardInterrupt:
        stop.set()
        complain("interrupted: what was fetched is kept, the same again goes on from there")
        return ExitStatus.INTERRUPTED
    except RefusedError as error:
        complain(str(error))
        return ExitStatus.USAGE
    except MirrorError as error:
        complain(str(error))
        return ExitStatus.FAILED


def _run_options(options: MirrorOptions) -> Options:
    host, prefix = options.registry()
    return Options(
        folder=options.environments / options.env if options.env else None,
        copies=options.run,
        images=tuple(options.image),
        platforms=frozenset(options.platform),
        host=host,
        prefix=prefix,
        spool=options.spool,
        parallel=options.parallel,
        as_json=options.json,
    )
