"""Reads one module call out of Terraform's plan."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import tftest

KNOWN_AFTER_APPLY = "(known after apply)"

_POLICY_DOCUMENT = "data.aws_iam_policy_document."


@dataclass(frozen=True)
class Statement:
    """A statement of a policy as planned.

    A resource or principal that is known only after the apply (a key's ARN, say) is given as the
    reference that it comes from: "aws_kms_key.this.arn".
    """

    sid: str
    effect: str
    actions: frozenset[str]
    resources: frozenset[str]
    principals: frozenset[tuple[str, str]]
    conditions: dict[tuple[str, str], frozenset[str]]


class PlannedModule:
    """One module call of a plan."""

    def __init__(self, plan: tftest.TerraformPlanOutput, name: str) -> None:
        self._prefix = f"module.{name}."
        self._changes = {
            change["address"].removeprefix(self._prefix): change
            for change in plan.resource_changes.values()
            if change["address"].startswith(self._prefix)
        }
        configuration = plan.configuration["root_module"]["module_calls"][name]["module"]
        self._configuration = {
            resource["address"]: resource.get("expressions", {})
            for resource in configuration["resources"]
        }
        # Of a module whose data sources all wait for the apply nothing was read.
        read = plan.prior_root_module.child_modules.get(f"module.{name}")
        self._read = {
            address: data["values"] for address, data in (read.resources if read else {}).items()
        }

    def resource(self, address: str) -> dict[str, Any]:
        """The planned arguments of a resource."""
        values: dict[str, Any] = self._changes[address]["change"]["after"]
        return values

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """The planned arguments of all resources of a type, by address."""
        return {
            address: change["change"]["after"]
            for address, change in self._changes.items()
            if change["type"] == kind and change["mode"] == "managed"
        }

    def references(self, address: str, argument: str) -> frozenset[str]:
        """What an argument of a resource, or all of a block's, is made from."""
        return frozenset(_references(self._configuration[address][argument]))

    def policies(self) -> set[str]:
        """The names of all policy documents."""
        addresses = {*self._read, *self._changes}
        return {
            address.removeprefix(_POLICY_DOCUMENT)
            for address in addresses
            if address.startswith(_POLICY_DOCUMENT)
        }

    def statements(self, name: str) -> dict[str, Statement]:
        """The statements of a policy document by their sid ("" where there is none)."""
        address = _POLICY_DOCUMENT + name
        values = self._read.get(address) or self.resource(address)
        configured = self._configuration[address.partition("[")[0]].get("statement", [])
        # Dynamic statements are not in the configuration; ours come last and are known.
        configured += [{}] * (len(values["statement"]) - len(configured))
        return {
            statement["sid"] or "": _statement(statement, source)
            for statement, source in zip(values["statement"], configured, strict=True)
        }


def assert_no_action_is_left_open(module: PlannedModule, policy: str) -> None:
    """Asserts that no statement of a policy names all actions, and none allows a whole service."""
    for statement in module.statements(policy).values():
        assert "*" not in statement.actions, policy
        if statement.effect == "Allow":
            services = {action for action in statement.actions if action.endswith(":*")}
            # Without it no one could change the key's policy again.
            assert services <= {"kms:*"}, policy


def _references(expression: Any) -> Iterator[str]:
    if isinstance(expression, list):
        for item in expression:
            yield from _references(item)
    elif isinstance(expression, dict):
        yield from expression.get("references", [])
        for name, item in expression.items():
            if name != "references":
                yield from _references(item)


def _statement(values: dict[str, Any], source: dict[str, Any]) -> Statement:
    # A dynamic statement has no source, and ours have no principals.
    principals = zip(values.get("principals") or [], source.get("principals") or [], strict=True)
    return Statement(
        sid=values["sid"] or "",
        effect=values["effect"] or "Allow",
        actions=frozenset(values["actions"]),
        resources=_known(values.get("resources"), source.get("resources", {})),
        principals=frozenset(
            (principal["type"], identifier)
            for principal, origin in principals
            for identifier in _known(principal.get("identifiers"), origin.get("identifiers", {}))
        ),
        conditions={
            (condition["test"], condition["variable"]): frozenset(
                value or KNOWN_AFTER_APPLY for value in condition["values"]
            )
            for condition in values.get("condition") or []
        },
    )


def _known(values: list[str | None] | None, source: dict[str, Any]) -> frozenset[str]:
    """The planned values, or what they will be made from."""
    known = frozenset(value for value in values or [] if value is not None)
    return known or frozenset(_leaves(source.get("references", [])))


def _leaves(references: list[str]) -> list[str]:
    return [
        reference
        for reference in references
        if not any(other.startswith(f"{reference}.") for other in references)
    ]
