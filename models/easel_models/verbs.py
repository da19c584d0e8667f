"""`easel models`: the verbs and their options."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from easel_contract.plain_text import printable_json, printable_lines
from easel_deploy.exit_status import ExitStatus
from easel_models.bucket_checks import GIB, RUNTIME_MEMORY_GIB
from easel_models.check import Expectations, check
from easel_models.errors import ModelsError, UsageError
from easel_models.folders import FOLDERS
from easel_models.hugging_face import TOKEN_VARIABLE
from easel_models.listing import listed
from easel_models.removal import end_unfinished, removable, remove
from easel_models.reports import print_listing, print_report
from easel_models.requests_of_files import uploads_of
from easel_models.target import StackOutputs, Target, find_target
from easel_models.transfer import Limits
from easel_models.transfer_progress import TransferProgress
from easel_models.upload import upload
from easel_models.upscalers import UPSCALERS

_READING = 8


def add_models(
    verb: argparse.ArgumentParser, stack: argparse.ArgumentParser, outputs_of: StackOutputs
) -> None:
    """Adds `easel models` and its verbs.

    Args:
        verb: parser of `models`.
        stack: options that name a stack, and --json.
        outputs_of: reads a stack's outputs.
    """
    verb.description = "Looks after the bucket that runtimes load their models from."
    verbs = verb.add_subparsers(required=True)
    bucket = _bucket_options()
    for name, run, words, options in (
        ("check", _check, "look whether all is where runtimes find it", _add_check),
        ("upload", _upload, "bring models into the bucket", _add_upload),
        ("list", _list, "name what is in it", _add_list),
        ("remove", _remove, "take models out of it", _add_remove),
    ):
        one = verbs.add_parser(name, parents=[stack, bucket], help=words, description=words)
        one.set_defaults(command=models, run=run, outputs_of=outputs_of)
        options(one)


def models(arguments: argparse.Namespace) -> int:
    """Runs one verb.

    Returns:
        An ExitStatus: FAILED also where a check finds an error, REFUSED where a person says no.
    """
    run: Callable[[argparse.Namespace], ExitStatus] = arguments.run
    try:
        return run(arguments)
    except KeyboardInterrupt:
        _tell(
            "interrupted: what was sent stays. The same command goes on with it; "
            "`easel models remove --unfinished` removes it."
        )
        return ExitStatus.INTERRUPTED
    except UsageError as error:
        _tell(str(error))
        return ExitStatus.USAGE
    except (ModelsError, ClientError, BotoCoreError) as error:
        _tell(str(error))
        return ExitStatus.FAILED


def _check(arguments: argparse.Namespace) -> ExitStatus:
    target = _target(arguments, _READING)
    expected = Expectations(
        region=target.region,
        runtimes=target.runtimes,
        kms_key=arguments.kms_key,
        volume_gib=arguments.volume_gib,
        memory_gib=arguments.memory_gib,
        upscalers=frozenset(arguments.upscaler),
    )
    report = check(target.bucket, expected)
    if arguments.json:
        _print(printable_json(report.as_json()))
    else:
        print_report(report, Console(highlight=False))
    return ExitStatus.COMPLETED if report.is_good else ExitStatus.FAILED


def _upload(arguments: argparse.Namespace) -> ExitStatus:
    progress = TransferProgress(Console(highlight=False, stderr=arguments.json))
    uploads = uploads_of(arguments, os.environ)
    target = _target(arguments, arguments.parallel)
    limits = Limits(arguments.parallel, int(arguments.max_gib * GIB))
    if (region := target.bucket.region()) != target.region:
        progress.say(
            f"  warning: {target.bucket.url} is in {region}, and its stack in {target.region}."
        )
    done = upload(target.bucket, uploads, limits, progress, replace=arguments.replace)
    if arguments.json:
        for one in done:
            _print(printable_json(asdict(one)))
    return ExitStatus.COMPLETED


def _list(arguments: argparse.Namespace) -> ExitStatus:
    files = list(listed(_target(arguments, _READING).bucket, arguments.folder))
    if arguments.json:
        for one in files:
            _print(printable_json(one.as_json()))
    else:
        print_listing(files, Console(highlight=False))
    return ExitStatus.COMPLETED


def _remove(arguments: argparse.Namespace) -> ExitStatus:
    target = _target(arguments, 1)
    if arguments.unfinished:
        ended = end_unfinished(target.bucket, arguments.keys)
        _print(json.dumps({"ended": ended}) if arguments.json else f"{len(ended)} uploads ended.")
        return ExitStatus.COMPLETED
    if not arguments.keys:
        raise UsageError("name what is to be removed: FOLDER/NAME, or FOLDER/ for all in it.")
    sizes = removable(target.bucket, arguments.keys)
    used = {filename: name for name, (_, filename) in target.runtimes.items() if filename}
    for key, size in sizes.items():
        runtime = used.get(key.rpartition("/")[2])
        loads = f"  runtime {runtime} loads it" if runtime else ""
        _tell(f"  {target.bucket.url}/{key}  {size / GIB:.2f} GiB{loads}", prefix="")
    if not arguments.yes and not _agreed(len(sizes)):
        _tell("nothing is removed.")
        return ExitStatus.REFUSED
    remove(target.bucket, list(sizes))
    _print(json.dumps({"removed": list(sizes)}) if arguments.json else f"{len(sizes)} removed.")
    return ExitStatus.COMPLETED


def _agreed(count: int) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked here: add --yes where these are to be removed.")
    sys.stderr.write(f"Remove {'this' if count == 1 else f'these {count}'}? Type yes: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == "yes"


def _target(arguments: argparse.Namespace, parallel: int) -> Target:
    return find_target(arguments, arguments.outputs_of, parallel)


def _print(text: str) -> None:
    sys.stdout.write(f"{printable_lines(text)}\n")


def _tell(text: str, prefix: str = "easel: ") -> None:
    sys.stderr.write(f"{prefix}{printable_lines(text)}\n")


def _bucket_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("--bucket", help="its name (default: the stack's)")
    options.add_argument("--region", help="of the stack (default: the stack's own)")
    options.add_argument(
        "--prefix", default="", help="folder in the bucket, `model_prefix` of a runtime"
    )
    return options


def _add_check(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--kms-key", metavar="ARN", help="model_kms_key_arn of the stack")
    verb.add_argument(
        "--volume-gib",
        type=_positive,
        help="of the volume that models are kept on: a cache, a claim",
    )
    verb.add_argument(
        "--memory-gib",
        type=_positive,
        default=RUNTIME_MEMORY_GIB,
        help="that a runtime may take (default: %(default)s, the chart's)",
    )
    verb.add_argument(
        "--upscaler",
        action="append",
        default=[],
        choices=[one.name for one in UPSCALERS],
        metavar="NAME",
        help="fail where this one's files are not in the bucket; repeatable",
    )


def _add_upload(verb: argparse.ArgumentParser) -> None:
    verb.epilog = f"A token for Hugging Face is read from {TOKEN_VARIABLE} only."
    verb.add_argument("sources", nargs="*", metavar="FILE|FOLDER|URL", help="what to bring")
    verb.add_argument(
        "--hf",
        action="append",
        default=[],
        metavar="OWNER/REPO/FILE",
        help="a file of Hugging Face's hub; repeatable",
    )
    verb.add_argument("--revision", default="main", help="of --hf (default: %(default)s)")
    verb.add_argument("--folder", choices=list(FOLDERS), metavar="FOLDER", help="that it goes to")
    verb.add_argument("--as", dest="key", metavar="FOLDER/NAME", help="that a single file becomes")
    verb.add_argument("--sha256", metavar="HEX", help="that a single file must have")
    verb.add_argument("--replace", action="store_true", help="overwrite another file of that name")
    verb.add_argument(
        "--parallel", type=_count, default=8, help="parts sent at once (default: %(default)s)"
    )
    verb.add_argument(
        "--max-gib", type=_positive, default=100, help="the most of one file (default: %(default)s)"
    )
    verb.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="that a URL may name although its address is not public; repeatable",
    )
    verb.add_argument(
        "--timeout", type=_positive, default=6 * 3600, help="seconds for one URL (%(default)s)"
    )


def _add_list(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("folder", nargs="?", choices=list(FOLDERS), metavar="FOLDER")


def _add_remove(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("keys", nargs="*", metavar="FOLDER/NAME", help="or FOLDER/ for all in it")
    verb.add_argument("--yes", action="store_true", help="do not ask")
    verb.add_argument(
        "--unfinished", action="store_true", help="what broken off uploads have left, instead"
    )


_MAX_PARALLEL = 64


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= _MAX_PARALLEL:
        raise argparse.ArgumentTypeError(f"must be 1 to {_MAX_PARALLEL}")
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0")
    return value
