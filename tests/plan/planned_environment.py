"""Reads the plan of a whole environment."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import tftest


@dataclass(frozen=True)
class PolicyStatement:
    """A statement of any policy in the plan, in the words of IAM's JSON."""

    address: str
    body: dict[str, Any]

    def listed(self, key: str) -> list[str]:
        """Actions or resources as a list."""
        value = self.body.get(key, [])
        return value if isinstance(value, list) else [value]


class PlannedEnvironment:
    """All that an environment would make, by address."""

    def __init__(self, plan: tftest.TerraformPlanOutput) -> None:
        self.resources = {
            address: change["change"]["after"]
            for address, change in plan.resource_changes.items()
            if change["mode"] == "managed"
        }
        self.types = {address: change["type"] for address, change in plan.resource_changes.items()}
        self.outputs = plan.outputs
        self.variables = plan.variables
        self.checks = {
            check["address"]["name"] for check in plan.checks if check["address"]["kind"] == "check"
        }
        """Names of the check blocks that were looked at."""
        self.warnings = {
            check["address"]["name"]: problem["message"]
            for check in plan.checks
            if check["address"]["kind"] == "check"
            for instance in check["instances"]
            for problem in instance.get("problems", [])
        }
        """What check blocks say, by their names."""
        self.calls: dict[str, Any] = plan.configuration["root_module"]["module_calls"]
        self._read = _documents(plan)

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The planned arguments of all resources of a type, by address."""
        return {
            address: values
            for address, values in self.resources.items()
            if self.types[address] == kind
        }

    def subscriptions(self, name: str) -> dict[str, dict[str, Any]]:
        """The planned arguments of the subscriptions that modules call so, by address."""
        return {
            address: values
            for address, values in self.of_type("aws_sns_topic_subscription").items()
            if address.endswith(f".aws_sns_topic_subscription.{name}")
        }

    def strings(self) -> Iterator[tuple[str, str]]:
        """Every string that is planned, with its resource's address."""
        for address, values in {**self.resources, **self._read}.items():
            for text in _strings(values):
                yield address, text

    def statements(self) -> Iterator[PolicyStatement]:
        """Every statement of every policy document; parts known after the apply are left out."""
        for address, document in self._read.items():
            for statement in document.get("statement") or []:
                yield PolicyStatement(address, _in_iams_words(statement))

    def release_values(self, prefix: str) -> dict[str, Any]:
        """The values of a release, such as `module.keda.module.release`."""
        upgrade = self.resources[f"{prefix}.terraform_data.upgrade"]
        values: dict[str, Any] = upgrade["triggers_replace"]["values"]
        return values

    def chart(self, prefix: str) -> dict[str, Any]:
        """The chart of a release."""
        upgrade = self.resources[f"{prefix}.terraform_data.upgrade"]
        chart: dict[str, Any] = upgrade["triggers_replace"]["chart"]
        return chart


def _documents(plan: tftest.TerraformPlanOutput) -> dict[str, dict[str, Any]]:
    """Policy documents: those read while planning, and those that wait for the apply."""
    found = {
        address: change["change"]["after"]
        for address, change in plan.resource_changes.items()
        if change["type"] == "aws_iam_policy_document"
    }
    modules = [plan.prior_root_module]
    while modules:
        module = modules.pop()
        modules += module.child_modules.values()
        for data in module.resources.values():
            if data["type"] == "aws_iam_policy_document":
                found[data["address"]] = data["values"]
    return found


def _in_iams_words(statement: dict[str, Any]) -> dict[str, Any]:
    conditions: dict[str, Any] = {}
    for one in statement.get("condition") or []:
        conditions.setdefault(one["test"], {})[one["variable"]] = one["values"]
    return {
        "Sid": statement.get("sid"),
        "Effect": statement.get("effect") or "Allow",
        "Action": [one for one in statement.get("actions") or [] if one],
        "Resource": [one for one in statement.get("resources") or [] if one],
        "Condition": conditions,
    }


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        # Policies and the like are JSON in a string.
        if value.startswith(("{", "[")):
            try:
                yield from _strings(json.loads(value))
            except ValueError:
                return
    elif isinstance(value, dict):
        for key, below in value.items():
            yield str(key)
            yield from _strings(below)
    elif isinstance(value, list):
        for below in value:
            yield from _strings(below)
