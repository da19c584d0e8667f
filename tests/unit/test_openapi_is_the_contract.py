"""docs/openapi.yaml says what the code does, and is not stale."""

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
import yaml
from openapi_spec_validator import validate

from easel_contract.identifiers import check_prefix, check_task_id
from easel_packaging.openapi import OPENAPI_FILE, SAMPLES, openapi_document, render_openapi

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(OPENAPI_FILE.read_text())
    return loaded


def validator(document: dict[str, Any], schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema | {"components": document["components"]})


def test_the_file_is_not_stale() -> None:
    assert OPENAPI_FILE.read_text() == render_openapi(), "run `make openapi` and commit the file"


def test_it_is_valid_openapi() -> None:
    validate(openapi_document())


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2"])
def test_every_sample_is_an_example_and_keeps_the_schema(
    document: dict[str, Any], version: str
) -> None:
    body = document["paths"][f"/{version}"]["post"]["requestBody"]["content"]["application/json"]
    samples = {path.stem: json.loads(path.read_text()) for path in SAMPLES.glob(f"{version}-*")}
    examples = {f"{version}-{name}": item["value"] for name, item in body["examples"].items()}
    assert samples == examples
    assert samples
    for sample in samples.values():
        validator(document, body["schema"]).validate(sample)


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("result-completed", "TaskResult"),
        ("result-failed", "TaskResult"),
        ("error-with-every-problem", "ApiErrorBody"),
        ("answer-v1alpha1-text-to-image", "V1Alpha1Accepted"),
        ("answer-v1alpha2-text-to-image", "V1Alpha2Accepted"),
        ("task-by-reference", "TaskMessage"),
    ],
)
def test_the_golden_files_keep_the_schemas(
    document: dict[str, Any], golden: Callable[[str], Any], name: str, schema: str
) -> None:
    validator(document, {"$ref": f"#/components/schemas/{schema}"}).validate(golden(name))


@pytest.mark.parametrize(
    ("schema", "field", "check"),
    [("TaskMetadata", "id", check_task_id), ("TaskMetadata", "prefix", check_prefix)],
)
@pytest.mark.parametrize("text", ["a", "a/b", "a/", "../x", "", "a" * 129, "a//b", "_x", "a.b-c_d"])
def test_the_patterns_refuse_what_the_checks_refuse(
    document: dict[str, Any], schema: str, field: str, check: Callable[[str], str], text: str
) -> None:
    try:
        check(text)
        good = True
    except ValueError:
        good = False
    part = document["components"]["schemas"][schema]["properties"][field]
    assert jsonschema.Draft202012Validator(part).is_valid(text) is good
