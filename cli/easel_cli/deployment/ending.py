"""The settings that are left before the plan; and what is printed at the end."""

import json
from collections.abc import Sequence
from pathlib import Path

from easel_cli.deployment.deployment import Deployment
from easel_cli.deployment.prechecks import API_ADDRESS, look, outcome_of
from easel_cli.deployment.step import Outcome, State, StepError, Told
from easel_contract.task import RuntimeType
from easel_deploy.environments.public_address import AddressUnknownError, public_address

_WAYS_IN = ("public_access_cidrs", "private_access_cidrs")


def settings(deployment: Deployment, _: Told) -> Outcome:
    """Lets this machine reach the cluster's API, and says what was written.

    Raises:
        StepError: the way in is not known, or the settings have another one than asked for.
    """
    own, asked = deployment.settings, deployment.options.public_access_cidr
    decided = own.is_decided("existing_vpc") or any(
        own.is_decided("cluster", one) for one in _WAYS_IN
    )
    if decided and asked:
        _check_asked(deployment, asked)
    elif not decided and (asked or not deployment.estate.is_emulated):
        cidrs = asked or [_own_address()]
        value = ", ".join(f'"{one}"' for one in cidrs)
        own.set_member(("cluster", "public_access_cidrs"), f"[{value}]")
    if not deployment.estate.is_emulated:
        outcome_of(look(deployment, API_ADDRESS))
    if not own.written:
        return Outcome(State.FOUND, f"{own.path} needs nothing more")
    return Outcome(State.DONE, written(deployment))


def written(deployment: Deployment) -> str:
    """Returns what this run has written into the settings, a line each."""
    lines = "\n".join(f"    {one}" for one in deployment.settings.written)
    return f"written into {deployment.settings.path}:\n{lines}"


def _check_asked(deployment: Deployment, asked: Sequence[str]) -> None:
    path = deployment.settings.path
    there = deployment.settings.strings("cluster", "public_access_cidrs")
    if set(asked) - set(there):
        raise StepError(
            f"{path} says already from where the cluster's API is reached, and not from "
            f"{', '.join(asked)}: leave --public-access-cidr out, or change the lines"
        )


def _own_address() -> str:
    """Returns this machine's address as AWS sees it, as a CIDR block."""
    try:
        address = public_address()
    except AddressUnknownError as error:
        raise StepError(
            f"this machine's public address is not known: {error}. Terraform has to reach the "
            "cluster's API from somewhere: name the address by --public-access-cidr "
            "203.0.113.7/32, or a network of yours by existing_vpc"
        ) from error
    if address.version != 4:  # noqa: PLR2004 - public_access_cidrs takes no other
        raise StepError(
            f"AWS sees this machine at {address}: name its IPv4 address by --public-access-cidr"
        )
    return f"{address}/32"


def closing(deployment: Deployment) -> str:
    """Returns what a person needs next: R40's outputs, and a command.

    Where the stack is on this machine, the endpoint is the one that answers here, and the commands
    ask this machine's AWS.

    Args:
        deployment: that was applied.
    """
    outputs, region = deployment.outputs, deployment.region
    file = deployment.estate.outputs_file
    stack = f"--outputs {_shown(file)}" if file else f"--env {region}"
    kinds = {one.get("type") for one in (outputs.get("runtimes") or {}).values()}
    task = "--workflow workflow.json" if kinds == {RuntimeType.COMFYUI} else '--prompt "A dog"'
    rows = [
        ("endpoint", _endpoint_here(file) or outputs.get("endpoint")),
        (
            "API key",
            _here(file, outputs.get("api_key_command")) or "none: requests are signed (AWS_IAM)",
        ),
        ("cluster", _here(file, outputs.get("kubeconfig_command"))),
        ("results", outputs.get("notifications_topic_arn")),
        ("next", f".venv/bin/easel submit {stack} {task}"),
    ]
    return "\n".join(f"{name:10} {value}" for name, value in rows)


def _endpoint_here(file: Path | None) -> str | None:
    """The API's address on this machine: the output is what it would be on AWS."""
    try:
        outputs = json.loads(file.read_text(encoding="utf-8")) if file else {}
        return str(outputs["endpoint"]["value"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _here(file: Path | None, command: str | None) -> str | None:
    """A command, led to this machine's AWS by the file that an apply has written."""
    environment = file.with_name("environment") if file else None
    if command is None or environment is None or not environment.is_file():
        return command
    return f"(. {_shown(environment)}; {command})"


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def prepared(deployment: Deployment) -> str:
    """Returns what a person does after a dry run."""
    return (
        f"prepared, nothing is deployed: look at {deployment.settings.path} and at "
        f"`make plan ENV={deployment.region}`; the same command without --dry-run goes on."
    )
