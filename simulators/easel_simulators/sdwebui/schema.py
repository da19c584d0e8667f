"""The bodies that SD WebUI takes: names, types, defaults, and what a wrong one is answered.

Names, types and defaults are those of ``/openapi.json`` of SD WebUI 1.8.0. Coercion and messages
are those of pydantic 1, which that version uses: ``"20"`` is a whole number, ``"abc"`` is not.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from json import JSONDecodeError
from typing import Final

from easel_simulators.sdwebui.errors import ValidationFailed, WebuiError
from easel_simulators.server import Request

_TRUE: Final = frozenset({"1", "on", "t", "true", "y", "yes"})
_FALSE: Final = frozenset({"0", "off", "f", "false", "n", "no"})


class _MismatchError(Exception):
    """A value does not fit; carries pydantic's message and type."""

    def __init__(self, message: str, kind: str, context: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.context = context


def integer(value: object) -> object:
    """Coerce to int, as ``int()`` does."""
    if isinstance(value, int | float | str):
        try:
            return int(value)
        except (ValueError, OverflowError):
            pass
    raise _MismatchError("value is not a valid integer", "type_error.integer")


def number(value: object) -> object:
    """Coerce to float, as ``float()`` does."""
    if isinstance(value, int | float | str):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise _MismatchError("value is not a valid float", "type_error.float")


def boolean(value: object) -> object:
    """Coerce to bool from true and false, 1 and 0, and the words for them."""
    if isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, int | float | str) else ""
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _MismatchError("value could not be parsed to a boolean", "type_error.bool")


def string(value: object) -> object:
    """Coerce to str from a string or a number."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    raise _MismatchError("str type expected", "type_error.str")


def array(value: object) -> object:
    """Accept a list of anything."""
    if isinstance(value, list):
        return value
    raise _MismatchError("value is not a valid list", "type_error.list")


def mapping(value: object) -> object:
    """Accept an object with anything in it."""
    if isinstance(value, dict):
        return value
    raise _MismatchError("value is not a valid dict", "type_error.dict")


@dataclass(frozen=True)
class Field:
    """One field of a body."""

    name: str
    convert: Callable[[object], object]
    default: object = None
    required: bool = False
    nullable: bool = True
    minimum: float = -math.inf
    maximum: float = math.inf
    choices: tuple[object, ...] = ()
    items: "tuple[Field, ...]" = field(default=())
    """The fields of each item, when the field is a list of objects."""

    def read(self, value: object) -> object:
        """Coerce a value that was sent.

        Raises:
            _MismatchError: It does not fit.
        """
        if value is None:
            if self.nullable:
                return None
            raise _MismatchError("none is not an allowed value", "type_error.none.not_allowed")
        coerced = self.convert(value)
        if self.choices and coerced not in self.choices:
            permitted = ", ".join(map(repr, self.choices))
            raise _MismatchError(
                f"unexpected value; permitted: {permitted}",
                "value_error.const",
                {"given": value, "permitted": list(self.choices)},
            )
        if isinstance(coerced, int | float):
            self._check_bounds(coerced)
        return coerced

    def _check_bounds(self, value: float) -> None:
        if value < self.minimum:
            raise _MismatchError(
                f"ensure this value is greater than or equal to {self.minimum:g}",
                "value_error.number.not_ge",
                {"limit_value": self.minimum},
            )
        if value > self.maximum:
            raise _MismatchError(
                f"ensure this value is less than or equal to {self.maximum:g}",
                "value_error.number.not_le",
                {"limit_value": self.maximum},
            )


def json_body(request: Request) -> object:
    """Parse the body.

    Raises:
        ValidationFailed: It is missing or not JSON.
        WebuiError: It is nested too deeply.
    """
    if not request.body:
        raise ValidationFailed([_detail(["body"], "field required", "value_error.missing")])
    media_type = request.headers.get("content-type", "application/json").partition(";")[0]
    if not media_type.strip().lower().endswith(("/json", "+json")):
        raise ValidationFailed([_detail(["body"], "value is not a valid dict", "type_error.dict")])
    try:
        return json.loads(request.body)
    except JSONDecodeError as error:
        context = {
            "msg": error.msg,
            "doc": error.doc,
            "pos": error.pos,
            "lineno": error.lineno,
            "colno": error.colno,
        }
        detail = _detail(["body", error.pos], str(error), "value_error.jsondecode", context)
        raise ValidationFailed([detail]) from error
    except ValueError as error:  # not UTF-8, or a number of thousands of digits
        raise WebuiError.refused(400, "There was an error parsing the body") from error
    except RecursionError as error:
        raise WebuiError.raised("RecursionError", str(error)) from error


def json_object(request: Request) -> dict[str, object]:
    """Parse a body that is an object with any keys.

    Raises:
        ValidationFailed: It is missing, not JSON, or no object.
        WebuiError: It is nested too deeply.
    """
    value = json_body(request)
    if not isinstance(value, dict):
        raise ValidationFailed([_detail(["body"], "value is not a valid dict", "type_error.dict")])
    return value


def validate(fields: Sequence[Field], body: Mapping[str, object]) -> dict[str, object]:
    """Check a body against its fields and fill in the defaults.

    Args:
        fields: What the body may hold; anything else in it is ignored.
        body: The parsed JSON object.

    Returns:
        A value for every field, in the order of ``fields``.

    Raises:
        ValidationFailed: With one detail for every field that does not fit.
    """
    details: list[dict[str, object]] = []
    values = _read_fields(fields, body, ["body"], details)
    if details:
        raise ValidationFailed(details)
    return values


def _read_fields(
    fields: Sequence[Field],
    body: Mapping[str, object],
    location: list[str | int],
    details: list[dict[str, object]],
) -> dict[str, object]:
    values: dict[str, object] = {}
    for one in fields:
        here = [*location, one.name]
        if one.name not in body:
            values[one.name] = one.default
            if one.required:
                details.append(_detail(here, "field required", "value_error.missing"))
            continue
        try:
            values[one.name] = one.read(body[one.name])
        except _MismatchError as mismatch:
            details.append(_detail(here, str(mismatch), mismatch.kind, mismatch.context))
            continue
        if one.items:
            values[one.name] = _read_items(one.items, values[one.name], here, details)
    return values


def _read_items(
    fields: Sequence[Field],
    items: object,
    location: list[str | int],
    details: list[dict[str, object]],
) -> list[dict[str, object]]:
    read: list[dict[str, object]] = []
    for index, item in enumerate(items if isinstance(items, list) else []):
        here = [*location, index]
        if isinstance(item, dict):
            read.append(_read_fields(fields, item, here, details))
        else:
            details.append(_detail(here, "value is not a valid dict", "type_error.dict"))
    return read


def _detail(
    location: Sequence[str | int],
    message: str,
    kind: str,
    context: dict[str, object] | None = None,
) -> dict[str, object]:
    detail: dict[str, object] = {"loc": list(location), "msg": message, "type": kind}
    if context is not None:
        detail["ctx"] = context
    return detail
