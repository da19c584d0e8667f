"""The options of `easel submit`."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from easel_contract.task import MAX_DEADLINE_SECONDS
from easel_deploy.command_line import StackOptions, WrongUsageError

API_KEY_VARIABLE = "EASEL_API_KEY"

_WHAT = "What to make (one of these)"
_SD_WEBUI = "How SD WebUI makes it"
_TASK = "The task"
_A_DAY = 24 * 3600.0


_OF_A_PROMPT = ("negative_prompt", "size", "count", "steps", "seed", "checkpoint")
_NOT_FOR = {
    "--prompt": ("upscaler",),
    "--upscale": _OF_A_PROMPT,
    "--workflow": (*_OF_A_PROMPT, "upscaler", "image"),
    "--request": (*_OF_A_PROMPT, "upscaler", "image"),
}


def _input_file(words: str) -> Any:
    return typer.Option(help=words, metavar="FILE", rich_help_panel=_WHAT)


@dataclass(frozen=True, kw_only=True)
class WaitingOptions(StackOptions):
    """What commands that wait for results take.

    Attributes:
        out: folder for pictures.
        timeout: seconds to wait.

    Raises:
        WrongUsageError: the folder cannot be written to.
    """

    out: Annotated[Path, typer.Option(help="folder for pictures", metavar="FOLDER")] = Path("out")
    timeout: Annotated[float, typer.Option(help="seconds to wait", min=0, max=14 * _A_DAY)] = 900

    def __post_init__(self) -> None:
        """Looks whether pictures can be saved, before a GPU makes them."""
        super().__post_init__()
        there = next(one for one in (self.out, *self.out.parents, Path.cwd()) if one.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            raise WrongUsageError(
                [f"--out {self.out}: {there} is no folder that can be written to"]
            )


@dataclass(frozen=True, kw_only=True)
class SubmitOptions(WaitingOptions):
    """Options of `easel submit`.

    Attributes:
        prompt: what to draw (SD WebUI).
        upscale: factor to enlarge the image by (SD WebUI).
        workflow: file of a workflow (ComfyUI).
        request: file of a whole request of either API version.
        runtime: its name; None: the only one of the right type.
        image: files or URLs.
        negative_prompt: what not to draw.
        size: width and height in pixels, as 512x512; None: that.
        count: how many pictures; None: 1.
        steps: of sampling; None: 20.
        seed: of the first picture; None: a random one.
        checkpoint: to load first (dynamic runtimes).
        upscaler: name of SD WebUI's; None: R-ESRGAN 4x+.
        id: of the task; None: a random one.
        prefix: folder in the bucket; None: output.
        context: text or JSON that comes back with the result.
        deadline: seconds after which the task fails.
        callback_url: https:// URL that gets the callback, too.
        idempotency_key: the same key again within a day gives the same task.
        no_wait: end when the task is accepted.

    Raises:
        WrongUsageError: not exactly one thing to make is named, or an option that it does not take.
    """

    prompt: Annotated[
        str | None, typer.Option(help="what to draw (SD WebUI)", rich_help_panel=_WHAT)
    ] = None
    upscale: Annotated[
        float | None,
        typer.Option(help="enlarge the --image", metavar="FACTOR", min=0.01, rich_help_panel=_WHAT),
    ] = None
    workflow: Annotated[Path | None, _input_file("workflow saved with Save (API Format)")] = None
    request: Annotated[Path | None, _input_file("whole request of either API version")] = None
    image: Annotated[
        list[str],
        typer.Option(help="file, http(s):// or s3:// URL; repeatable", rich_help_panel=_SD_WEBUI),
    ] = field(default_factory=list)
    negative_prompt: Annotated[
        str | None, typer.Option(help="what not to draw", rich_help_panel=_SD_WEBUI)
    ] = None
    size: Annotated[
        str | None,
        typer.Option(
            help="in pixels (default: 512x512)",
            metavar="WIDTHxHEIGHT",
            rich_help_panel=_SD_WEBUI,
        ),
    ] = None
    count: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--count",
            help="how many pictures (default: 1)",
            min=1,
            rich_help_panel=_SD_WEBUI,
        ),
    ] = None
    steps: Annotated[
        int | None,
        typer.Option(help="of sampling (default: 20)", min=1, rich_help_panel=_SD_WEBUI),
    ] = None
    seed: Annotated[
        int | None, typer.Option(help="(default: a random one)", rich_help_panel=_SD_WEBUI)
    ] = None
    checkpoint: Annotated[
        str | None,
        typer.Option(help="to load first (dynamic runtimes)", rich_help_panel=_SD_WEBUI),
    ] = None
    upscaler: Annotated[
        str | None,
        typer.Option(help="of --upscale (default: R-ESRGAN 4x+)", rich_help_panel=_SD_WEBUI),
    ] = None
    runtime: Annotated[
        str | None,
        typer.Option(help="name (default: the only one of the right type)", rich_help_panel=_TASK),
    ] = None
    id: Annotated[
        str | None, typer.Option(help="(default: a random one)", rich_help_panel=_TASK)
    ] = None
    prefix: Annotated[
        str | None,
        typer.Option(help="folder in the bucket (default: output)", rich_help_panel=_TASK),
    ] = None
    context: Annotated[
        str | None,
        typer.Option(help="text or JSON that comes back with the result", rich_help_panel=_TASK),
    ] = None
    deadline: Annotated[
        int | None,
        typer.Option(
            help="fail if not done by then",
            metavar="SECONDS",
            min=1,
            max=MAX_DEADLINE_SECONDS,
            rich_help_panel=_TASK,
        ),
    ] = None
    callback_url: Annotated[
        str | None,
        typer.Option(help="https:// URL that gets the callback, too", rich_help_panel=_TASK),
    ] = None
    idempotency_key: Annotated[
        str | None,
        typer.Option(help="the same key again within 24 h: the same task", rich_help_panel=_TASK),
    ] = None
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="end when the task is accepted", rich_help_panel=_TASK)
    ] = False

    def __post_init__(self) -> None:
        """Looks at options that belong together."""
        super().__post_init__()
        made = {
            "--prompt": self.prompt,
            "--upscale": self.upscale,
            "--workflow": self.workflow,
            "--request": self.request,
        }
        named = [name for name, value in made.items() if value is not None]
        if not named:
            raise WrongUsageError(["say what to make: --prompt, --upscale, --workflow, --request"])
        if len(named) > 1:
            raise WrongUsageError([f"{' and '.join(named)}: one task makes one of them"])
        # What would be dropped without a word.
        refused = [
            f"--{name.replace('_', '-')} is not for {named[0]}"
            for name in _NOT_FOR[named[0]]
            if getattr(self, name) not in (None, [])
        ]
        if refused:
            raise WrongUsageError(refused)
