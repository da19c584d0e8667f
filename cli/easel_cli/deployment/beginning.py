"""Steps that look before anything is made: tools, credentials, region."""

import subprocess
from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from easel_cli.deployment.deployment import Deployment
from easel_cli.deployment.estate import ROOT
from easel_cli.deployment.options import DEFAULT_RUNTIME
from easel_cli.deployment.prechecks import outcome_of
from easel_cli.deployment.step import Outcome, State, StepError, Told
from easel_cli.env_new import EnvironmentRefusedError, new_environment
from easel_doctor.tools import look_at_tools

_TOOLS = ROOT / ".easel" / "tools"
_FUNCTIONS = ROOT / "build" / "functions-aws.zip"
_PACKAGE_SECONDS = 900
_CHINA = "aws-cn"


def tools(_: Deployment, told: Told) -> Outcome:
    """Looks for the programs that are needed, and packs the functions where no zip of them is.

    Raises:
        StepError: something is missing, or too old.
    """
    outcome = outcome_of([look_at_tools(_TOOLS)])
    if _FUNCTIONS.is_file():
        return outcome
    told.progress("packing the functions")
    command = ["make", "--directory", str(ROOT), "package"]
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            command, capture_output=True, text=True, check=False, timeout=_PACKAGE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StepError(f"`make package` cannot be run: {error}") from error
    if done.returncode:
        raise StepError(f"`make package` failed:\n{done.stderr.strip()}")
    return replace(outcome, detail=f"{outcome.detail}; the functions are packed")


def credentials(deployment: Deployment, _: Told) -> Outcome:
    """Asks AWS whose account this is.

    Raises:
        StepError: AWS does not take the credentials, or they are for another partition.
    """
    deployment.estate.start(deployment.name)
    try:
        identity = deployment.client("sts").get_caller_identity()
    except (ClientError, BotoCoreError) as error:
        raise StepError(
            f"AWS does not take the credentials: {error}\n"
            "  Name a profile: export AWS_PROFILE=..., or log in: aws configure sso"
        ) from error
    deployment.account = str(identity["Account"])
    deployment.partition = str(identity["Arn"]).split(":")[1]
    if (deployment.partition == _CHINA) != deployment.region.startswith("cn-"):
        raise StepError(
            f"these credentials are of partition {deployment.partition}, and {deployment.region} "
            "is of another: accounts of AWS China and of AWS are separate. Name another region by "
            "--region, or another profile by AWS_PROFILE"
        )
    return Outcome(State.DONE, f"account {deployment.account}, partition {deployment.partition}")


def region(deployment: Deployment, _: Told) -> Outcome:
    """Makes the region's folder where there is none, and decides on stack and runtime.

    Raises:
        StepError: the folder cannot be made, or its settings disagree with what is asked for.
    """
    options, settings = deployment.options, deployment.settings
    folder = settings.path.parent
    is_new = not settings.path.is_file()
    if is_new:
        try:
            new_environment(deployment.region, folder.parent)
        except EnvironmentRefusedError as error:
            raise StepError(str(error)) from error
    before = len(settings.written)
    settings.choose_name(
        options.stack_name, lambda: not is_new and bool(deployment.estate.outputs())
    )
    settings.choose_runtime(options.runtime_name, options.runtime_type, DEFAULT_RUNTIME)
    names = ", ".join(settings.runtimes)
    detail = f"{folder}, stack {settings.name}, runtimes: {names}"
    if is_new:
        return Outcome(State.DONE, f"{detail} (made)")
    state = State.DONE if len(settings.written) > before else State.FOUND
    return Outcome(state, detail)
