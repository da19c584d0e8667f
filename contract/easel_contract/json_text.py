"""JSON as the wire has it: stricter than Python's own reader.

Python's `json` takes NaN, Infinity, lone surrogates and any depth; each of them is accepted here
and fails somewhere later, when the task is on its way. RFC 8259 knows none of them.
"""

import json
import math

from pydantic import JsonValue
from pydantic_core import from_json


def decode_json(text: str | bytes) -> JsonValue:
    """Reads one JSON document.

    Args:
        text: UTF-8 bytes or a string.

    Returns:
        The value: dict, list, str, int, float, bool or None.

    Raises:
        ValueError: it is not JSON, is nested deeper than the parser's limit (about 200),
            or holds a number too large for a float. The message says where.
    """
    value: JsonValue = from_json(text, allow_inf_nan=False)
    _refuse_infinite_numbers(value)
    return value


def encode_json(value: JsonValue) -> str:
    """Writes a value as compact JSON; non-ASCII characters stay as they are.

    Raises:
        ValueError: it holds NaN or an infinite number.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _refuse_infinite_numbers(value: JsonValue) -> None:
    # `1e999` is valid JSON text but overflows to infinity, which cannot be written back.
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, float) and not math.isfinite(item):
            raise ValueError("a number is too large")
