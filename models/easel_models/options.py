"""The options of `easel models`."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from easel_deploy.command_line import StackOptions
from easel_models.bucket_checks import RUNTIME_MEMORY_GIB
from easel_models.folders import FOLDERS
from easel_models.upscalers import UPSCALERS

_MAX_PARALLEL = 64
_UPSCALER_NAMES = [one.name for one in UPSCALERS]


def _one_of(names: Iterable[str]) -> Callable[[str], str]:
    """Makes a parser that takes these names alone."""
    known = list(names)

    def parse(text: str) -> str:
        if text not in known:
            raise ValueError(f"{text!r} is none of {', '.join(known)}")
        return text

    return parse


def _positive(text: str | float) -> float:
    """Reads a number above 0 that is not endless."""
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError("must be more than 0")
    return value


def _positive_option(words: str) -> Any:
    return typer.Option(help=words, parser=_positive, metavar="NUMBER")


@dataclass(frozen=True, kw_only=True)
class BucketOptions(StackOptions):
    """Names a bucket.

    Attributes:
        bucket: its name; None: the stack's.
        region: of the stack; None: the stack's own.
        prefix: folder in the bucket.
    """

    bucket: Annotated[str | None, typer.Option(help="its name (default: the stack's)")] = None
    region: Annotated[str | None, typer.Option(help="of the stack (default: the stack's own)")] = (
        None
    )
    prefix: Annotated[
        str, typer.Option(help="folder in the bucket, `model_prefix` of a runtime")
    ] = ""


@dataclass(frozen=True, kw_only=True)
class CheckOptions(BucketOptions):
    """Options of `easel models check`.

    Attributes:
        kms_key: ARN of the key, model_kms_key_arn of the stack.
        volume_gib: GiB of the volume that models are kept on; None: it is not looked at.
        memory_gib: GiB that a runtime may take.
        upscaler: names of those that must be there.
    """

    kms_key: Annotated[
        str | None, typer.Option(metavar="ARN", help="model_kms_key_arn of the stack")
    ] = None
    volume_gib: Annotated[
        float | None, _positive_option("of the volume that models are kept on: a cache, a claim")
    ] = None
    memory_gib: Annotated[
        float, _positive_option("that a runtime may take (default: the chart's)")
    ] = RUNTIME_MEMORY_GIB
    upscaler: Annotated[
        list[str],
        typer.Option(
            parser=_one_of(_UPSCALER_NAMES),
            autocompletion=lambda: _UPSCALER_NAMES,
            metavar="NAME",
            help="fail where this one's files are not in the bucket; repeatable",
        ),
    ] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class UploadOptions(BucketOptions):
    """Options of `easel models upload`.

    Attributes:
        sources: files, folders, URLs.
        hf: files of Hugging Face's hub, as OWNER/REPO/FILE.
        revision: of the hub's files.
        folder: that all go to; None: by what a file is.
        key: FOLDER/NAME that a single file becomes.
        sha256: that a single file must have, in hexadecimal digits.
        replace: another file of that name is overwritten.
        parallel: parts sent at once.
        max_gib: GiB of one file at most.
        allow_host: hosts that a URL may name although their addresses are not public.
        timeout: seconds for one URL.
    """

    sources: Annotated[
        list[str], typer.Argument(metavar="FILE|FOLDER|URL", help="what to bring")
    ] = field(default_factory=list)
    hf: Annotated[
        list[str],
        typer.Option(metavar="OWNER/REPO/FILE", help="a file of Hugging Face's hub; repeatable"),
    ] = field(default_factory=list)
    revision: Annotated[str, typer.Option(help="of --hf")] = "main"
    folder: Annotated[
        str | None,
        typer.Option(
            parser=_one_of(FOLDERS),
            autocompletion=lambda: list(FOLDERS),
            metavar="FOLDER",
            help="that it goes to",
        ),
    ] = None
    key: Annotated[
        str | None,
        typer.Option("--as", metavar="FOLDER/NAME", help="that a single file becomes"),
    ] = None
    sha256: Annotated[
        str | None, typer.Option(metavar="HEX", help="that a single file must have")
    ] = None
    replace: Annotated[
        bool, typer.Option("--replace", help="overwrite another file of that name")
    ] = False
    parallel: Annotated[int, typer.Option(min=1, max=_MAX_PARALLEL, help="parts sent at once")] = 8
    max_gib: Annotated[float, _positive_option("the most of one file")] = 100
    allow_host: Annotated[
        list[str],
        typer.Option(
            metavar="HOST",
            help="that a URL may name although its address is not public; repeatable",
        ),
    ] = field(default_factory=list)
    timeout: Annotated[float, _positive_option("seconds for one URL")] = 6 * 3600


@dataclass(frozen=True, kw_only=True)
class ListOptions(BucketOptions):
    """Options of `easel models list`.

    Attributes:
        folder: only what is in it; None: all.
    """

    folder: Annotated[
        str | None,
        typer.Argument(
            parser=_one_of(FOLDERS),
            autocompletion=lambda: list(FOLDERS),
            metavar="[FOLDER]",
            help="(default: all)",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class RemoveOptions(BucketOptions):
    """Options of `easel models remove`.

    Attributes:
        keys: FOLDER/NAME, or FOLDER/ for all in it.
        yes: nobody is asked.
        unfinished: what broken off uploads have left is meant, instead.
    """

    keys: Annotated[
        list[str], typer.Argument(metavar="FOLDER/NAME", help="or FOLDER/ for all in it")
    ] = field(default_factory=list)
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="what broken off uploads have left, instead")
    ] = False
