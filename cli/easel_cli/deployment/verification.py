"""The last step: requests of every kind to the new stack, as `easel verify` sends them."""

import json
from pathlib import Path

import requests
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError
from rich.console import Console

from easel_cli.deployment.deployment import Deployment
from easel_cli.deployment.options import NONE
from easel_cli.deployment.step import Outcome, State, StepError, Told
from easel_cli.progress import Progress
from easel_cli.request_building import RequestError
from easel_cli.target import Target
from easel_cli.verify import VerifyOptions, verify
from easel_deploy.exit_status import ExitStatus


def verification(deployment: Deployment, told: Told) -> Outcome:
    """Sends requests, and waits for their pictures.

    Raises:
        StepError: a request did not make its picture; each is named above.
    """
    options = deployment.options
    command = f".venv/bin/easel verify {_stack(deployment)}"
    if not options.verify:
        return Outcome(State.LEFT_OUT, f"not asked for; {command} does it")
    if options.model == NONE and not deployment.estate.is_emulated:
        return Outcome(State.LEFT_OUT, f"there is no model; {command} once there is one")
    try:
        with told.aside():
            status = verify(
                VerifyOptions(), _target(deployment), Progress(Console(highlight=False))
            )
    except (RequestError, ClientError, BotoCoreError, requests.RequestException) as error:
        raise StepError(str(error)) from error
    if status is not ExitStatus.COMPLETED:
        raise StepError(
            "not every request made its picture, see above. The stack stands; what keeps it from "
            f"working is said by: .venv/bin/easel doctor --env {deployment.region}\n"
            f"  Try again: {command}"
        )
    return Outcome(State.DONE, "every kind of request made its picture")


def _stack(deployment: Deployment) -> str:
    file = deployment.estate.outputs_file
    return f"--outputs {file}" if file else f"--env {deployment.region}"


def _target(deployment: Deployment) -> Target:
    file: Path | None = deployment.estate.outputs_file
    try:
        if file:
            return Target.from_outputs(json.loads(file.read_text(encoding="utf-8")))
        values = deployment.outputs.items()
        return Target.from_outputs({name: {"value": value} for name, value in values})
    except (OSError, ValueError, ValidationError, KeyError, TypeError) as error:
        raise StepError(f"the stack's outputs are not whole: {error}") from error
