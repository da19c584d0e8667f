"""Every place that names the types of runtimes, or of tasks, names all of them."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from easel_contract.task import RuntimeType, TaskType
from easel_local import presets, services
from easel_models.folders import Runtime

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = "charts/sd-runtime/templates/_runtime.tpl"
SCHEMA = json.loads((ROOT / "charts/sd-runtime/values.schema.json").read_text())
RUNTIME = SCHEMA["properties"]["runtime"]
GLOSSARIES = ("docs/glossary.md", "docs/glossary.zh-CN.md")


def quoted(path: str, pattern: str) -> list[str]:
    """The names in quotation marks in the one place of a file that a pattern finds."""
    [place] = re.findall(pattern, (ROOT / path).read_text())
    return re.findall(r'"([a-z][a-z0-9]*)"', place)


def of_custom() -> list[str]:
    [rule] = [one for one in RUNTIME["allOf"] if "api" in one["then"]["properties"]]
    names: list[str] = rule["then"]["properties"]["api"]["enum"]
    return names


@pytest.mark.parametrize(
    ("named", "besides"),
    [
        pytest.param(RUNTIME["properties"]["type"]["enum"], {"custom"}, id="schema: type"),
        pytest.param(RUNTIME["properties"]["api"]["enum"], {""}, id="schema: api"),
        pytest.param(of_custom(), set(), id="schema: api of type custom"),
        pytest.param(quoted(TEMPLATE, r"\$ports := dict (.*)"), set(), id="chart: port"),
        pytest.param(quoted(TEMPLATE, r"\$paths := dict (.*)"), set(), id="chart: ready path"),
        *(
            pytest.param(quoted(path, r"contains\((\[[^]]*\]), \w+\.type\)"), set(), id=path)
            for path in ("modules/runtime/variables.tf", "modules/api-fanout/variables.tf")
        ),
        pytest.param(services._SIMULATORS, set(), id="local stack: simulator"),
        pytest.param(services._READY_PATHS, set(), id="local stack: ready path"),
        pytest.param([one["type"] for _, one in presets._PRESETS.values()], set(), id="presets"),
        pytest.param(Runtime, set(), id="easel models"),
    ],
)
def test_a_type_of_runtime_stands_everywhere(named: Iterable[str], besides: set[str]) -> None:
    assert {str(name) for name in named} - besides == set(RuntimeType)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *(("docs/api.md", name) for name in TaskType),
        *((path, name) for path in GLOSSARIES for name in (*TaskType, *RuntimeType)),
    ],
)
def test_documents_name_every_type(path: str, name: str) -> None:
    assert f"`{name}`" in (ROOT / path).read_text()
