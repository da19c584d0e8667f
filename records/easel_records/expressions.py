"""Update and condition expressions out of a record's fields.

Syntax: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

from collections.abc import Iterable
from typing import Any

from easel_contract.record import Item, TaskStatus, attribute


class Update:
    """One conditional update of a task's item; every name and value in it is a placeholder."""

    def __init__(self) -> None:
        self._sets: list[str] = []
        self._removes: list[str] = []
        self._adds: list[str] = []
        self._conditions: list[str] = []
        self._names: dict[str, str] = {}
        self._values: Item = {}

    def set(self, **fields: Any) -> "Update":
        """Sets fields of the record; a field of None is removed."""
        for name, value in fields.items():
            if value is None:
                self._removes.append(self._name(name))
            else:
                self._sets.append(f"{self._name(name)} = {self._value(attribute(name, value))}")
        return self

    def set_once(self, **fields: Any) -> "Update":
        """Sets fields that have no value yet; others keep theirs."""
        for name, value in fields.items():
            key = self._name(name)
            value_name = self._value(attribute(name, value))
            self._sets.append(f"{key} = if_not_exists({key}, {value_name})")
        return self

    def set_raw(self, name: str, value: dict[str, Any]) -> "Update":
        """Sets an attribute that is no field of the record."""
        self._sets.append(f"{self._name(name)} = {self._value(value)}")
        return self

    def remove(self, *names: str) -> "Update":
        """Removes fields or attributes."""
        self._removes += [self._name(name) for name in names]
        return self

    def add(self, name: str, number: int) -> "Update":
        """Adds a number to a field; a missing field counts as 0."""
        self._adds.append(f"{self._name(name)} {self._value({'N': str(number)})}")
        return self

    def where(self, condition: str, **fields: Any) -> "Update":
        """Adds a condition; all of them must hold.

        Args:
            condition: with `#name` for fields and `:value` for the given values.
            fields: values of the condition, by their names in it.
        """
        for name, value in fields.items():
            self._values[f":{name}"] = value
        for word in condition.replace("(", " ").replace(")", " ").replace(",", " ").split():
            if word.startswith("#"):
                self._names[word] = word[1:]
        self._conditions.append(f"({condition})")
        return self

    def where_status(self, statuses: Iterable[TaskStatus]) -> "Update":
        """Adds the condition that the record is in one of some states."""
        names = [self._value({"S": str(status)}) for status in sorted(statuses)]
        self._names["#status"] = "status"
        self._conditions.append(f"#status IN ({', '.join(names)})")
        return self

    def request(self) -> dict[str, Any]:
        """Returns the arguments of `update_item`."""
        clauses = [("SET", self._sets), ("REMOVE", self._removes), ("ADD", self._adds)]
        expression = " ".join(f"{word} {', '.join(parts)}" for word, parts in clauses if parts)
        return {
            "UpdateExpression": expression,
            "ConditionExpression": " AND ".join(self._conditions),
            "ExpressionAttributeNames": self._names,
            "ExpressionAttributeValues": self._values,
            "ReturnValues": "ALL_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _name(self, name: str) -> str:
        self._names[f"#{name}"] = name
        return f"#{name}"

    def _value(self, value: dict[str, Any]) -> str:
        name = f":v{len(self._values)}"
        self._values[name] = value
        return name
