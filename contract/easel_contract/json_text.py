"""JSON as the wire has it: stricter than Python's own reader.

Python's `json` takes NaN, Infinity, lone surrogates and any depth; each of them is accepted here
and fails somewhere later, when the task is on its way. RFC 8259 knows none of them.

The number of values is bounded as well (RFC 8259, section 9, leaves that to the reader): 5 MiB of
`[[],[],` become hundreds of megabytes of Python's lists, and every step that walks them takes
seconds.
"""

import json
import math
import re

from pydantic import JsonValue
from pydantic_core import from_json

from easel_contract.plain_text import sendable_json

MAX_VALUES = 100_000
"""Of one document, containers included: a workflow of 1,000 nodes has about 20,000."""

_QUOTE = ord('"')
_STRINGS_AND_SEPARATORS = re.compile(rb'"[^"]*"|[,\[{]')


class TooManyValuesError(ValueError):
    """A JSON document has more values than this reader makes."""


def decode_json(text: str | bytes) -> JsonValue:
    """Reads one JSON document.

    Args:
        text: UTF-8 bytes or a string.

    Returns:
        The value: dict, list, str, int, float, bool or None.

    Raises:
        TooManyValuesError: it has more than 100,000.
        ValueError: it is not JSON, is nested deeper than the parser's limit (about 200), or holds a
            number too large for a float. The message says what, and where it can.
    """
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if _counts_more_than(MAX_VALUES, raw):
        raise TooManyValuesError(f"has more than {MAX_VALUES} values")
    value: JsonValue = from_json(text, allow_inf_nan=False)
    _refuse_infinite_numbers(value)
    return value


def encode_json(value: JsonValue) -> str:
    """Writes a value as compact JSON.

    Non-ASCII characters stay as they are, but for those that SQS and SNS refuse
    (`plain_text.sendable_json`).

    Raises:
        ValueError: it holds NaN or an infinite number.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return sendable_json(text)


def _counts_more_than(most: int, raw: bytes) -> bool:
    """Whether a JSON text has more values than so many, without making any of them.

    Right for every text that is JSON, and for as much of any other as a parser reads before it
    finds the fault. An empty container counts as two.
    """
    if _separators(raw) < most:
        return False  # as nearly always, whatever is in its strings
    # Without escapes a string ends at the next quote: an expression that knows of escapes would
    # keep something for each of them.
    plain = raw.replace(rb"\\", b"").replace(rb"\"", b"")
    count = 0
    for match in _STRINGS_AND_SEPARATORS.finditer(plain):
        count += plain[match.start()] != _QUOTE
        if count >= most:
            return True
    return False


def _separators(raw: bytes) -> int:
    # In front of every value but the outermost stands one of them. (Of an object's fields the
    # first stands behind its bracket, each other one behind a comma.)
    return raw.count(b",") + raw.count(b"[") + raw.count(b"{")


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
