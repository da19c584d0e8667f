"""values.yaml, values.schema.json and the README's table say the same."""

import importlib.util
import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.charts.helm import CHART

pytestmark = pytest.mark.unit

VALUES = (CHART / "values.yaml").read_text()


@pytest.fixture(scope="module")
def values_table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("values_table", CHART.parent / "values_table.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_value_has_a_comment(values_table: ModuleType) -> None:
    assert values_table.undocumented(VALUES) == []


def test_a_value_without_comment_is_noticed(values_table: ModuleType) -> None:
    text = "# -- Said.\na: 1\nb: 2\nc:\n  # -- Said.\n  d: 3\n  e: 4\n"
    assert values_table.undocumented(text) == ["b", "c.e"]


def test_the_readme_has_the_table(values_table: ModuleType) -> None:
    readme = (CHART / "README.md").read_text()
    assert values_table.readme(readme, VALUES) == readme


def keys(values: dict[str, Any], schema: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    """Yields values that the schema does not know, and the schema's that have no default."""
    if "$ref" in schema:
        schema = root["definitions"][schema["$ref"].rpartition("/")[2]]
    known = schema.get("properties")
    if known is None:
        return
    yield from sorted(values.keys() ^ (known.keys() - {"global"}))
    for key, value in values.items():
        if isinstance(value, dict):
            yield from (f"{key}.{one}" for one in keys(value, known[key], root))


def test_the_schema_knows_the_values_and_no_others() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    # Parts of a map that has a default as a whole.
    limits = {f"nodes.limits.{name}" for name in ("cpu", "memory", "nodes", "nvidia.com/gpu")}
    cpu = {f"models.s3.resources.{bound}.cpu" for bound in ("requests", "limits")}
    # Those that may not be given.
    refused = {f"models.s3.volumeAttributes.{n}" for n in ("bucketName", "authenticationSource")}
    optional = limits | cpu | refused | {"scaling.behavior.scaleDown.selectPolicy"}
    assert set(keys(yaml.safe_load(VALUES), schema, schema)) == optional
