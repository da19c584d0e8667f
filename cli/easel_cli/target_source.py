"""Finds the stack that a command is about."""

import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from easel_cli.target import Target
from easel_deploy.environments.root_module import RootModule
from easel_doctor.environment import KnownOutputs

_ROOT = Path(__file__).resolve().parents[2]
_LOCAL = "local"
_OTHER_FORM = (TypeError, KeyError, AttributeError)
_CONNECT_SECONDS = 2.0


class TargetError(Exception):
    """The stack cannot be found; the message says what to do."""


def find_target(env: str | None, outputs: Path | None) -> Target:
    """Reads a stack's outputs.

    Args:
        env: folder under envs/. Where it is applied on this machine (LOCAL=1), that is meant, not
            what may be on AWS; else its state is asked. None and "local" take the local stack that
            is up, whose state lies elsewhere.
        outputs: file with what `terraform output -json` printed, instead of asking.

    Raises:
        TargetError: there is no such stack, or its outputs are not complete.
    """
    text, source = _printed(env, outputs)
    try:
        return Target.from_outputs(_parsed(text, source))
    except ValidationError as error:
        missing = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
        raise TargetError(
            f"{source} lacks outputs of an applied stack: {missing}. Apply it first."
        ) from error
    except _OTHER_FORM as error:
        raise _not_outputs(source) from error


def stack_outputs(env: str | None, outputs: Path | None) -> dict[str, Any]:
    """Returns the values of a stack's outputs by name; none before its first apply.

    Args:
        env: as `find_target` takes it.
        outputs: as `find_target` takes it.

    Raises:
        TargetError: there is no such stack, or its outputs cannot be read.
    """
    text, source = _printed(env, outputs)
    try:
        return {name: output["value"] for name, output in _parsed(text, source).items()}
    except _OTHER_FORM as error:
        raise _not_outputs(source) from error


def known_outputs(env: str | None, outputs: Path | None) -> KnownOutputs | None:
    """Returns a stack's outputs where Terraform need not be asked for them.

    Args:
        env: as `find_target` takes it.
        outputs: as `find_target` takes it.

    Returns:
        Those of the file, or of what is applied on this machine; None where neither is there.

    Raises:
        TargetError: they cannot be read, or the emulator that they name has ended.
    """
    file = outputs or local_home() / "estate" / str(env) / "outputs.json"
    text = _read(file) if outputs else _applied_here(file, str(env))
    if text is None:
        return None
    try:
        values = {name: output["value"] for name, output in _parsed(text, str(file)).items()}
    except _OTHER_FORM as error:
        raise _not_outputs(str(file)) from error
    return KnownOutputs(values, file)


def _printed(env: str | None, outputs: Path | None) -> tuple[str, str]:
    """What `terraform output -json` printed, and where that is from."""
    if outputs is not None:
        return _read(outputs), str(outputs)
    if env is not None and env != _LOCAL:
        folder = _ROOT / "envs" / env
        if not (folder / "terraform.tfvars").is_file():
            raise TargetError(_unknown(folder))
        here = local_home() / "estate" / env / "outputs.json"
        return _applied_here(here, env) or _ask_terraform(folder), f"envs/{env}"
    local = local_home() / "outputs.json"
    if not local.exists():
        raise TargetError(
            "No local stack is up. Bring one up with `make up`, or name a deployed one: "
            "--env us-east-1, or --outputs FILE with what `terraform output -json` printed."
        )
    return _read(local), str(local)


def local_home() -> Path:
    """Returns the folder of the stacks on this machine."""
    return Path(os.environ.get("EASEL_HOME") or _ROOT / ".easel")


def _applied_here(outputs: Path, env: str) -> str | None:
    """What `make apply LOCAL=1` has written; None where nothing is applied on this machine.

    Raises:
        TargetError: it is gone with its emulator. The stack on AWS is not meant then: whoever has
            worked here would send to it unaware.
    """
    if not outputs.exists():
        return None
    text = _read(outputs)
    try:
        address = urlsplit(_parsed(text, str(outputs))["aws_endpoint_url"]["value"])
        with socket.create_connection((address.hostname, address.port), _CONNECT_SECONDS):
            return text
    except _OTHER_FORM as error:
        raise _not_outputs(str(outputs)) from error
    except OSError as error:
        raise TargetError(
            f"{env} was applied on this machine, and its emulator has ended. Apply it again with "
            f"`make apply ENV={env} LOCAL=1`, or remove {outputs.parent} to reach the one on AWS."
        ) from error


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise TargetError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _not_outputs(str(path)) from error


def _ask_terraform(folder: Path) -> str:
    try:
        answer = RootModule(folder).call("output", "-json", "-no-color")
    except FileNotFoundError as error:
        raise TargetError("terraform is not on PATH.") from error
    except subprocess.TimeoutExpired as error:
        raise TargetError(_explained(folder.name, str(error))) from error
    if answer.returncode:
        raise TargetError(_explained(folder.name, answer.stderr.strip()))
    return answer.stdout


def _unknown(folder: Path) -> str:
    # Others are modules that the environments share, such as envs/stack.
    found = sorted(file.parent.name for file in folder.parent.glob("*/terraform.tfvars"))
    names = ", ".join([*found, _LOCAL])
    return (
        f"There is no environment {folder.name}; there are: {names}. Another region: "
        "`.venv/bin/easel env new us-west-2`."
    )


def _explained(env: str, said: str) -> str:
    if "terraform init" in said:
        return (
            f"Terraform was not run in envs/{env} of this checkout: run `make output ENV={env}` "
            "first."
        )
    return f"The outputs of envs/{env} cannot be read:\n{said}"


def _parsed(text: str, source: str) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise _not_outputs(source) from error
    return value


def _not_outputs(source: str) -> TargetError:
    return TargetError(f"{source} is not what `terraform output -json` prints.")
