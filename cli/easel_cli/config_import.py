"""`easel config import config.yaml`: takes over the configuration of sd-on-eks."""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
import yaml
from pydantic import ValidationError

from easel_cli.config_import_mapping import Imported, ImportRefusedError, convert
from easel_cli.config_import_model import SdOnEksConfig
from easel_contract.plain_text import printable_lines
from easel_deploy.command_line import complain
from easel_deploy.exit_status import ExitStatus

_MAX_CHARACTERS = 1024 * 1024
_KNOWN = {"stackName", "modelBucketArn", "modelsRuntime"}
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_INDEX = re.compile(r"\.(\d+)(?=\.|$)")
_BRACKETS = r"[\1]"
_VARIABLES_FILE = "imported.auto.tfvars.json"


def read_config(text: str, environment: Mapping[str, str]) -> SdOnEksConfig:
    """Reads a config.yaml.

    Args:
        text: what is in it; `${NAME}` stands for an environment variable, as the seed's template
            has it for the model bucket.
        environment: the environment variables.

    Raises:
        ImportRefusedError: it is no such file; the message names every problem.
    """
    filled = _VARIABLE.sub(lambda match: environment.get(match[1], match[0]), text)
    try:
        content = yaml.safe_load(filled)
    except yaml.YAMLError as error:
        raise ImportRefusedError(f"it is not YAML: {error}") from error
    if not isinstance(content, dict) or not content.keys() & _KNOWN:
        raise ImportRefusedError("it is not the config.yaml of sd-on-eks: it has no modelsRuntime")
    try:
        return SdOnEksConfig.model_validate(content)
    except ValidationError as error:
        raise ImportRefusedError("\n".join(_problems(error))) from error


_WORDS = {
    "missing": "is missing",
    "model_type": "must be a section with settings of its own",
    "tuple_type": "must be a list",
    "string_type": "must be text",
}
"""For pydantic's words where they are about Python."""


def _problems(error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        path = ".".join(str(part) for part in problem["loc"])
        hint = ""
        if isinstance(value := problem["input"], str) and (name := _VARIABLE.search(value)):
            hint = f", or set the environment variable {name[1]}"
        words = _WORDS.get(problem["type"], problem["msg"].removeprefix("Value error, "))
        yield f"{_INDEX.sub(_BRACKETS, path)}: {words}{hint}"


def write(imported: Imported, folder: Path) -> list[Path]:
    """Writes the Terraform variables, and one values file for each runtime.

    Args:
        imported: what was taken over.
        folder: of the environment, such as envs/cn-northwest-1; it is made.

    Returns:
        The files.
    """
    (folder / "values").mkdir(parents=True, exist_ok=True)
    variables = folder / _VARIABLES_FILE
    variables.write_text(json.dumps(imported.variables, indent=2) + "\n")
    files = [variables]
    for name, values in imported.values.items():
        files.append(folder / "values" / f"{name}.yaml")
        files[-1].write_text(yaml.safe_dump(values, sort_keys=False))
    return files


def report(imported: Imported, files: list[Path]) -> str:
    """Returns what a person should know of an import."""
    lines = [f"wrote {file}" for file in files]
    for title, entries in (
        ("Changed:", imported.changed),
        ("Not carried over:", imported.not_carried),
        ("To do before you apply:", imported.to_do),
    ):
        if entries:
            lines += ["", title, *(f"  - {entry}" for entry in entries)]
    return "\n".join(lines)


def _text(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        text = file.read(_MAX_CHARACTERS + 1)
    if len(text) > _MAX_CHARACTERS:
        raise ImportRefusedError(f"it is longer than {_MAX_CHARACTERS} characters")
    return text


@dataclass(frozen=True, kw_only=True)
class ConfigImportOptions:
    """Options of `easel config import`.

    Attributes:
        config: config.yaml of sd-on-eks.
        out: folder of the environment; it is made.
    """

    config: Annotated[Path, typer.Argument(metavar="FILE", help="config.yaml of sd-on-eks")]
    out: Annotated[Path, typer.Option(help="folder", metavar="FOLDER")] = Path("imported")


def config_import(options: ConfigImportOptions) -> ExitStatus:
    """Imports a configuration.

    Returns:
        COMPLETED, or USAGE when the file cannot be used.
    """
    try:
        imported = convert(read_config(_text(options.config), os.environ))
    except (OSError, UnicodeDecodeError, ImportRefusedError) as error:
        problems = "\n".join(f"  - {line}" for line in str(error).splitlines())
        complain(f"{options.config} cannot be imported:\n{problems}")
        return ExitStatus.USAGE
    sys.stdout.write(printable_lines(report(imported, write(imported, options.out))) + "\n")
    return ExitStatus.COMPLETED
