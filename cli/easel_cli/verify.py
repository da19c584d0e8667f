"""`easel verify`: shows whether a stack makes pictures, kind by kind (R41)."""

import dataclasses
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated

import typer

from easel_cli.api_authorization import authorization_of
from easel_cli.api_client import ApiClient
from easel_cli.aws_clients import AwsClients
from easel_cli.progress import Progress
from easel_cli.request_building import RequestError
from easel_cli.submit_options import API_KEY_VARIABLE, WaitingOptions
from easel_cli.target import Target
from easel_cli.verification import Check, CheckStatus, Verification
from easel_contract.plain_text import printable, printable_json
from easel_deploy.exit_status import ExitStatus

_STATUSES = {
    CheckStatus.PASSED: ExitStatus.COMPLETED,
    CheckStatus.NOT_SENT: ExitStatus.FAILED,
    CheckStatus.FAILED: ExitStatus.FAILED,
    CheckStatus.REFUSED: ExitStatus.REFUSED,
    CheckStatus.TIMED_OUT: ExitStatus.TIMED_OUT,
}
_WORDS = {CheckStatus.PASSED: "ok", CheckStatus.NOT_SENT: "-", CheckStatus.TIMED_OUT: "LATE"}


@dataclass(frozen=True, kw_only=True)
class VerifyOptions(WaitingOptions):
    """Options of `easel verify`: the timeout is of each request, as each may wait for a node.

    With `json` each request is a line of JSON (the fields of `Check`) on standard output.

    Attributes:
        runtimes: names of runtimes to verify; none: all.
        checkpoint: of the workflows that go to runtimes of type comfyui; None: the one that the
            stack's other runtimes serve, or the seed's.
    """

    runtimes: Annotated[
        list[str],
        typer.Argument(metavar="RUNTIME", help="names of runtimes (default: all)"),
    ] = field(default_factory=list)
    checkpoint: Annotated[
        str | None,
        typer.Option(help="of the workflow for ComfyUI (default: another runtime's)"),
    ] = None


def verify(options: VerifyOptions, target: Target, progress: Progress) -> ExitStatus:
    """Sends each runtime the requests of its type, and shows what became of each and how fast.

    Args:
        options: what a person has chosen.
        target: the stack.
        progress: told of each request as it ends, and of the sum.

    Returns:
        COMPLETED where all passed; else TIMED_OUT, REFUSED or FAILED, the first of these that
        befell one.

    Raises:
        easel_cli.request_building.RequestError: a runtime is none of the stack's.
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: AWS did not let it.
    """
    names = _known(options.runtimes, target)
    clients = AwsClients(target)
    # From the environment or from AWS: an argument would be seen by everyone on the machine.
    authorization = authorization_of(target, clients, os.environ.get(API_KEY_VARIABLE))
    where = " on this machine" if target.aws_endpoint_url else ""
    with (
        ApiClient(target.endpoint, authorization) as api,
        progress.step(f"requests to {target.endpoint}{where}") as update,
    ):
        checks = Verification(
            target,
            clients,
            api,
            folder=options.out,
            timeout_seconds=options.timeout,
            checkpoint=options.checkpoint,
            told=partial(_show, options, progress),
        ).run(names, update)
    passed = sum(check.status is CheckStatus.PASSED for check in checks)
    progress.say(
        f"{passed} of {len(checks)} requests made their picture; pictures are in {options.out}"
    )
    return max(_STATUSES[check.status] for check in checks)


def _show(options: VerifyOptions, progress: Progress, check: Check) -> None:
    if options.json:
        sys.stdout.write(printable_json(dataclasses.asdict(check)) + "\n")
        sys.stdout.flush()
    progress.say(line_of(check))


def line_of(check: Check) -> str:
    """What a person reads of a check: how it ended, of what it is, how long it took, the result."""
    word = _WORDS.get(check.status, "FAIL")
    took = "" if check.seconds is None else f"{check.seconds:.1f} s (GPU {check.gpu_seconds:.1f} s)"
    outcome = check.error if check.error is not None else " ".join(check.files)
    return printable(
        f"  {word:<5} {check.runtime}  {check.tasktype:<18}  {took:<22}  {outcome}".rstrip()
    )


def _known(wanted: Sequence[str], target: Target) -> Sequence[str]:
    unknown = [name for name in wanted if name not in target.runtimes]
    if unknown or not target.runtimes:
        there = ", ".join(target.runtimes) or "none"
        missing = ", ".join(map(printable, unknown)) or "no runtime"
        raise RequestError(f"The stack has {there}: {missing} cannot be verified.")
    return wanted or list(target.runtimes)
