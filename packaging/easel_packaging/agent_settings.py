"""Writes the agent's settings wherever they are named: `python -m easel_packaging.agent_settings`.

`easel_agent.settings.TunableSettings` is the one place that has their names, types, bounds,
defaults and descriptions. All that is written from there stands between two marks in the chart, the
modules and the agent's README; with --check nothing is written.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from easel_agent.settings import AgentSettings, TunableSettings
from easel_contract.environment import PREFIX

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = Path("charts/sd-runtime/values.schema.json")

OF_THE_QUEUE = frozenset({"visibility_timeout_seconds", "max_attempts"})
"""In Terraform they are settings of the queue, which has them too."""

_MARK = "agent settings: made by `make settings`"
_TERRAFORM_TYPES = {
    "integer": "number",
    "number": "number",
    "boolean": "bool",
    "string": "string",
    "array": "list(string)",
}
_Schema = Mapping[str, Any]


def settings() -> dict[str, _Schema]:
    """Returns the JSON schema of each setting, by its field's name."""
    properties: dict[str, _Schema] = TunableSettings.model_json_schema()["properties"]
    return properties


def camel(name: str) -> str:
    """Returns a field's name as the chart's values have it."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def default(schema: _Schema) -> Any:
    """Returns the default as JSON and YAML have it: whole seconds without a point."""
    value = schema["default"]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(schema: _Schema) -> str:
    return " ".join(schema["description"].split())


def _values(indent: str) -> Iterator[str]:
    for name, schema in settings().items():
        yield f"{indent}# -- {_text(schema)}"
        yield f"{indent}{camel(name)}: {json.dumps(default(schema)).strip(chr(34))}"


def _terraform(indent: str) -> Iterator[str]:
    names = [name for name in settings() if name not in OF_THE_QUEUE]
    width = max(map(len, names))
    for name in names:
        kind = _TERRAFORM_TYPES[settings()[name]["type"]]
        yield f"{indent}{name:{width}} = optional({kind})"


def _table(_indent: str) -> Iterator[str]:
    yield "| Variable | Default | Meaning |"
    yield "|---|---|---|"
    properties = AgentSettings.model_json_schema()["properties"]
    for name in sorted(AgentSettings.model_fields, key=lambda one: one in settings()):
        schema = properties[name]
        required = AgentSettings.model_fields[name].is_required()
        shown = "required" if required else f"`{json.dumps(default(schema))}`"
        yield f"| `{PREFIX}{name.upper()}` | {shown} | {_text(schema)} |"


_Lines = Callable[[str], Iterator[str]]
_BLOCKS: dict[Path, _Lines] = {
    Path("charts/sd-runtime/values.yaml"): _values,
    Path("modules/runtime/variables_cluster.tf"): _terraform,
    Path("envs/stack/variables_tasks.tf"): _terraform,
    Path("agent/README.md"): _table,
}
FILES = frozenset({*_BLOCKS, SCHEMA})
"""What is written, relative to the repository's root."""


def without_blocks(text: str) -> str:
    """Returns a file's text without what is written by this program."""
    return _block().sub("", text)


def written(path: Path, text: str) -> str:
    """Returns a file's text with its settings brought up to date.

    Args:
        path: one of `FILES`.
        text: what it holds now.

    Raises:
        ValueError: the file lacks the two marks.
    """
    if path == SCHEMA:
        return _schema(text)
    found = _block().search(text)
    if not found:
        raise ValueError(f"{path} lacks the lines with: {_MARK}")
    lines = "".join(f"{line}\n" for line in _BLOCKS[path](found["indent"]))
    return text[: found.start("lines")] + lines + text[found.end("lines") :]


def _block() -> re.Pattern[str]:
    return re.compile(
        rf"^(?P<indent> *)(#|<!--) begin {re.escape(_MARK)}.*\n"
        r"(?P<lines>(?:.*\n)*?)"
        r"^ *(#|<!--) end agent settings.*\n",
        re.MULTILINE,
    )


def _schema(text: str) -> str:
    whole = json.loads(text)
    properties = {
        camel(name): {
            key: value
            for key, value in schema.items()
            if key not in ("title", "default", "description", "uniqueItems")
        }
        for name, schema in settings().items()
    }
    whole["properties"]["agent"]["properties"]["settings"] = {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Writes the files, or with --check says which are not up to date."""
    stale = []
    for path in sorted(FILES):
        current = (ROOT / path).read_text()
        wanted = written(path, current)
        if current != wanted:
            stale.append(path)
            if "--check" not in sys.argv[1:]:
                (ROOT / path).write_text(wanted)
    if "--check" in sys.argv[1:] and stale:
        sys.stderr.write(f"not up to date, run `make settings`: {', '.join(map(str, stale))}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
