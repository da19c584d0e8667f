"""Finds the stack that a command is about."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from easel_cli.target import Target

_ROOT = Path(__file__).resolve().parents[2]
_LOCAL = "local"
_OTHER_FORM = (TypeError, KeyError, AttributeError)


class TargetError(Exception):
    """The stack cannot be found; the message says what to do."""


def find_target(env: str | None, outputs: Path | None) -> Target:
    """Reads a stack's outputs.

    Args:
        env: folder under envs/; its state is asked. None and "local" take the local stack that is
            up, whose state lies elsewhere.
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


def _printed(env: str | None, outputs: Path | None) -> tuple[str, str]:
    """What `terraform output -json` printed, and where that is from."""
    if outputs is not None:
        return _read(outputs), str(outputs)
    if env is not None and env != _LOCAL:
        return _ask_terraform(_ROOT / "envs" / env), f"envs/{env}"
    local = Path(os.environ.get("EASEL_HOME") or _ROOT / ".easel") / "outputs.json"
    if not local.exists():
        raise TargetError(
            "No local stack is up. Bring one up with `make up`, or name a deployed one: "
            "--env us-east-1, or --outputs FILE with what `terraform output -json` printed."
        )
    return _read(local), str(local)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise TargetError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _not_outputs(str(path)) from error


def _ask_terraform(folder: Path) -> str:
    if not folder.is_dir():
        names = ", ".join(sorted(path.name for path in folder.parent.iterdir() if path.is_dir()))
        raise TargetError(f"There is no environment {folder.name}; there are: {names}.")
    command = ["terraform", f"-chdir={folder}", "output", "-json", "-no-color"]
    try:
        run = subprocess.run(  # noqa: S603 - no shell; the folder exists
            command, capture_output=True, text=True, check=True
        )
    except FileNotFoundError as error:
        raise TargetError("terraform is not on PATH.") from error
    except subprocess.CalledProcessError as error:
        raise TargetError(_explained(folder.name, error.stderr.strip())) from error
    return run.stdout


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
