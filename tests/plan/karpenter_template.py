"""Reads Karpenter's published CloudFormation template as planned statements and event patterns."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .planned_module import Statement

TEMPLATE = Path(__file__).parents[1] / "data" / "karpenter" / "cloudformation-1.14.1.yaml"


class _Loader(yaml.SafeLoader):
    """Takes CloudFormation's short functions as the `${...}` that `!Sub` has in its strings."""


def _function(loader: _Loader, name: str, node: yaml.Node) -> str:
    assert isinstance(node, yaml.ScalarNode)
    text = str(loader.construct_scalar(node))
    return text if name == "Sub" else f"${{{text}}}"


_Loader.add_multi_constructor("!", _function)


@dataclass(frozen=True)
class KarpenterTemplate:
    """The template as it would be deployed.

    Attributes:
        parameters: What stands for each `${...}`, by its name.
    """

    parameters: dict[str, str]

    def policies(self) -> dict[str, dict[str, Statement]]:
        """The controller's policies: their statements by sid."""
        policies = self._properties("AWS::IAM::ManagedPolicy")
        return {
            name: {it.sid: it for it in _statements(json.loads(policy["PolicyDocument"]))}
            for name, policy in policies.items()
        }

    def event_patterns(self) -> list[dict[str, list[str]]]:
        """The event patterns of all rules."""
        return [rule["EventPattern"] for rule in self._properties("AWS::Events::Rule").values()]

    def queue(self) -> dict[str, Any]:
        """The interruption queue."""
        (queue,) = self._properties("AWS::SQS::Queue").values()
        return queue

    def queue_policy(self) -> list[Statement]:
        """The statements of the interruption queue's policy."""
        (policy,) = self._properties("AWS::SQS::QueuePolicy").values()
        return _statements(policy["PolicyDocument"])

    def node_role(self) -> dict[str, Any]:
        """The nodes' role."""
        (role,) = self._properties("AWS::IAM::Role").values()
        return role

    def node_trust(self) -> list[Statement]:
        """Who may assume the nodes' role."""
        return _statements(self.node_role()["AssumeRolePolicyDocument"])

    def _properties(self, kind: str) -> dict[str, dict[str, Any]]:
        resources = yaml.load(TEMPLATE.read_text(), _Loader)["Resources"]
        return {
            name: self._substituted(resource["Properties"])
            for name, resource in resources.items()
            if resource["Type"] == kind
        }

    def _substituted(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._substituted(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._substituted(item) for item in value]
        if isinstance(value, str):
            for name, replacement in self.parameters.items():
                value = value.replace(f"${{{name}}}", replacement)
            assert "${" not in value, value
        return value


def _statements(document: dict[str, Any]) -> list[Statement]:
    return [
        Statement(
            sid=statement.get("Sid", ""),
            effect=statement["Effect"],
            actions=_set(statement["Action"]),
            resources=_set(statement.get("Resource", [])),
            principals=_principals(statement.get("Principal", {})),
            conditions={
                (test, variable): _set(values)
                for test, condition in statement.get("Condition", {}).items()
                for variable, values in condition.items()
            },
        )
        for statement in document["Statement"]
    ]


def _principals(principal: str | dict[str, Any]) -> frozenset[tuple[str, str]]:
    if isinstance(principal, str):
        return frozenset({(principal, principal)})
    return frozenset((kind, name) for kind, names in principal.items() for name in _set(names))


def _set(values: Any) -> frozenset[str]:
    if isinstance(values, list):
        return frozenset(values)
    return frozenset({str(values).lower() if isinstance(values, bool) else values})
