"""Checks a custom resource as an API server does: its CRD's schema, strictly, and its CEL rules."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cel
import jsonschema  # type: ignore[import-untyped]
import yaml

Schema = dict[str, Any]


class CustomResourceDefinition:
    """One CRD of the form apiextensions.k8s.io/v1."""

    def __init__(self, definition: dict[str, Any]) -> None:
        spec = definition["spec"]
        self.definition = definition
        self.path = (
            "apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
            + definition["metadata"]["name"]
        )
        self.kind: str = spec["names"]["kind"]
        self._group: str = spec["group"]
        self._schemas: dict[str, Schema] = {
            version["name"]: version["schema"]["openAPIV3Schema"]
            for version in spec["versions"]
            if version["served"]
        }

    @classmethod
    def load(cls, path: Path) -> "CustomResourceDefinition":
        return cls(yaml.safe_load(path.read_text()))

    def problems(self, resource: dict[str, Any]) -> list[str]:
        """Returns what an API server with strict field validation would refuse, all of it."""
        group, _, version = resource["apiVersion"].partition("/")
        if group != self._group or version not in self._schemas:
            return [f"apiVersion: {resource['apiVersion']} is not served"]
        schema = self._schemas[version]
        validator = jsonschema.Draft202012Validator(strict(schema))
        found = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(resource)]
        return found or list(broken_rules(schema, resource, "$"))


def strict(schema: Schema) -> Schema:
    """Returns a CRD's structural schema as JSON Schema that refuses unknown fields and nulls."""
    converted = {key: value for key, value in schema.items() if key != "nullable"}
    if "properties" in schema:
        converted["properties"] = {k: strict(v) for k, v in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            converted.setdefault("additionalProperties", False)
    if isinstance(schema.get("additionalProperties"), dict):
        converted["additionalProperties"] = strict(schema["additionalProperties"])
    if "items" in schema:
        converted["items"] = strict(schema["items"])
    if schema.get("x-kubernetes-int-or-string"):
        converted["type"] = ["integer", "string"]
    if schema.get("nullable") and "type" in converted:
        types = converted["type"]
        converted["type"] = [*([types] if isinstance(types, str) else types), "null"]
    return converted


def broken_rules(schema: Schema, value: Any, path: str) -> Iterator[str]:
    """Yields the messages of the CEL rules that a value breaks, its parts' rules included.

    Transition rules (`oldSelf`) compare with an earlier version of the object: there is none.
    """
    for rule in schema.get("x-kubernetes-validations", ()):
        if "oldSelf" not in rule["rule"] and not _holds(rule["rule"], value):
            yield f"{path}: {rule.get('message', rule['rule'])}"
    if isinstance(value, dict):
        anything = schema.get("additionalProperties")
        for key, part in value.items():
            below = schema.get("properties", {}).get(key, anything)
            if isinstance(below, dict):
                yield from broken_rules(below, part, f"{path}.{key}")
    elif isinstance(value, list) and "items" in schema:
        for index, part in enumerate(value):
            yield from broken_rules(schema["items"], part, f"{path}[{index}]")


@cache
def _program(rule: str) -> cel.Program:
    return cel.compile(rule)


def _holds(rule: str, value: Any) -> bool:
    context = cel.Context(variables={"self": value})
    # Kubernetes' own additions to CEL.
    context.add_function("find", _find)
    context.add_function("split", str.split)
    return _program(rule).execute(context) is True


def _find(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    return found.group() if found else ""
