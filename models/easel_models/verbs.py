"""`easel models`: the verbs and their options."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TypeVar

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from easel_contract.plain_text import printable_json, printable_lines
from easel_deploy.command_line import add_command, command_group, complain
from easel_deploy.exit_status import ExitStatus
from easel_models.bucket_checks import GIB
from easel_models.check import Expectations, check
from easel_models.errors import ModelsError, UsageError
from easel_models.hugging_face import TOKEN_VARIABLE
from easel_models.listing import listed
from easel_models.options import (
    BucketOptions,
    CheckOptions,
    ListOptions,
    RemoveOptions,
    UploadOptions,
)
from easel_models.removal import end_unfinished, removable, remove
from easel_models.reports import print_listing, print_report
from easel_models.requests_of_files import uploads_of
from easel_models.target import StackOutputs, find_target
from easel_models.transfer import Limits
from easel_models.transfer_progress import TransferProgress
from easel_models.upload import upload

_READING = 8

_Options = TypeVar("_Options", bound=BucketOptions)


def model_commands(outputs_of: StackOutputs) -> typer.Typer:
    """Returns the commands of `easel models`.

    Args:
        outputs_of: reads a stack's outputs.
    """
    group = command_group("Look after the bucket that runtimes load their models from.")
    words = "Look whether all is where runtimes find it."
    add_command(group, "check", _told(_check, outputs_of), CheckOptions, words)
    words = "Bring models into the bucket."
    epilog = f"A token for Hugging Face is read from {TOKEN_VARIABLE} only."
    run = _told(_upload, outputs_of)
    add_command(group, "upload", run, UploadOptions, words, epilog=epilog)
    add_command(group, "list", _told(_list, outputs_of), ListOptions, "Name what is in it.")
    words = "Take models out of it."
    add_command(group, "remove", _told(_remove, outputs_of), RemoveOptions, words)
    return group


def _told(
    verb: Callable[[_Options, StackOutputs], ExitStatus], outputs_of: StackOutputs
) -> Callable[[_Options], ExitStatus]:
    """Runs a verb: FAILED also where a check finds an error, REFUSED where a person says no."""

    def run(options: _Options) -> ExitStatus:
        try:
            return verb(options, outputs_of)
        except KeyboardInterrupt:
            complain(
                "interrupted: what was sent stays. The same command goes on with it; "
                "`easel models remove --unfinished` removes it."
            )
            return ExitStatus.INTERRUPTED
        except UsageError as error:
            complain(str(error))
            return ExitStatus.USAGE
        except (ModelsError, ClientError, BotoCoreError) as error:
            complain(str(error))
            return ExitStatus.FAILED

    return run


def _check(options: CheckOptions, outputs_of: StackOutputs) -> ExitStatus:
    target = find_target(options, outputs_of, _READING)
    expected = Expectations(
        region=target.region,
        runtimes=target.runtimes,
        kms_key=options.kms_key,
        volume_gib=options.volume_gib,
        memory_gib=options.memory_gib,
        upscalers=frozenset(options.upscaler),
    )
    report = check(target.bucket, expected)
    if options.json:
        _print(printable_json(report.as_json()))
    else:
        print_report(report, Console(highlight=False))
    return ExitStatus.COMPLETED if report.is_good else ExitStatus.FAILED


def _upload(options: UploadOptions, outputs_of: StackOutputs) -> ExitStatus:
    progress = TransferProgress(Console(highlight=False, stderr=options.json))
    uploads = uploads_of(options, os.environ)
    target = find_target(options, outputs_of, options.parallel)
    limits = Limits(options.parallel, int(options.max_gib * GIB))
    if (region := target.bucket.region()) != target.region:
        progress.say(
            f"  warning: {target.bucket.url} is in {region}, and its stack in {target.region}."
        )
    done = upload(target.bucket, uploads, limits, progress, replace=options.replace)
    if options.json:
        for one in done:
            _print(printable_json(asdict(one)))
    return ExitStatus.COMPLETED


def _list(options: ListOptions, outputs_of: StackOutputs) -> ExitStatus:
    files = list(listed(find_target(options, outputs_of, _READING).bucket, options.folder))
    if options.json:
        for one in files:
            _print(printable_json(one.as_json()))
    else:
        print_listing(files, Console(highlight=False))
    return ExitStatus.COMPLETED


def _remove(options: RemoveOptions, outputs_of: StackOutputs) -> ExitStatus:
    target = find_target(options, outputs_of, 1)
    if options.unfinished:
        ended = end_unfinished(target.bucket, options.keys)
        _print(json.dumps({"ended": ended}) if options.json else f"{len(ended)} uploads ended.")
        return ExitStatus.COMPLETED
    if not options.keys:
        raise UsageError("name what is to be removed: FOLDER/NAME, or FOLDER/ for all in it.")
    sizes = removable(target.bucket, options.keys)
    used = {filename: name for name, (_, filename) in target.runtimes.items() if filename}
    for key, size in sizes.items():
        runtime = used.get(key.rpartition("/")[2])
        loads = f"  runtime {runtime} loads it" if runtime else ""
        line = f"  {target.bucket.url}/{key}  {size / GIB:.2f} GiB{loads}\n"
        sys.stderr.write(printable_lines(line))
    if not options.yes and not _agreed(len(sizes)):
        complain("nothing is removed.")
        return ExitStatus.REFUSED
    remove(target.bucket, list(sizes))
    _print(json.dumps({"removed": list(sizes)}) if options.json else f"{len(sizes)} removed.")
    return ExitStatus.COMPLETED


def _agreed(count: int) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked here: add --yes where these are to be removed.")
    sys.stderr.write(f"Remove {'this' if count == 1 else f'these {count}'}? Type yes: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == "yes"


def _print(text: str) -> None:
    sys.stdout.write(f"{printable_lines(text)}\n")
