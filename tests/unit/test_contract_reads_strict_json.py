"""What Python's own reader would let through, to fail later."""

import json
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from easel_contract import json_text
from easel_contract.json_text import MAX_VALUES, decode_json, encode_json

pytestmark = pytest.mark.unit

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@pytest.mark.parametrize(
    "text",
    ["", "{", "NaN", "[Infinity]", "1e999", '{"a": -1e999}', '"\\ud800"', "[" * 300 + "]" * 300],
)
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode_json(text)


def test_bytes_that_are_no_utf8_are_a_value_error() -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode_json(b'"\xff"')


@given(_JSON)
def test_a_value_survives_the_way_there_and_back(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    decoded = decode_json(text)
    assert json.loads(encode_json(decoded)) == value


MANY = (5 * 1024 * 1024) // 3
"""As many empty lists as a request's 5 MiB hold."""


@pytest.mark.parametrize(
    "text",
    [
        "[" + "[]," * MANY + "[]]",
        "[" + "{}," * MANY + "{}]",
        "[" + "0," * MANY + "0]",
        "{" + '"a":0,' * MAX_VALUES + '"a":0}',
        '{"\\"": [' + "0," * MAX_VALUES + "0]}",
        '["\\\\",' + "0," * MAX_VALUES + "0]",
        "[" * (5 * 1024 * 1024),
    ],
    ids=["lists", "objects", "numbers", "fields", "quotes", "backslashes", "depth"],
)
def test_too_many_values_are_refused_before_they_are_made(text: str) -> None:
    raw = text.encode()
    began = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=f"more than {MAX_VALUES} values"):
            decode_json(raw)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * len(raw)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "value",
    [
        list(range(MAX_VALUES - 1)),
        {"prompt": "," * 1_000_000},
        {"a": '[{",\\"' * 200_000},
        {"a": ["\\"] * 1000, "b": ["[[[,,,"] * 40_000},
    ],
    ids=["as many as may be", "commas", "escapes", "short"],
)
def test_what_is_in_strings_counts_for_nothing(value: object) -> None:
    assert decode_json(json.dumps(value)) == value


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_JSON)
def test_values_are_never_counted_too_low(value: object) -> None:
    def count(item: object) -> int:
        children = item.values() if isinstance(item, dict) else item
        return 1 + (sum(map(count, children)) if isinstance(item, dict | list) else 0)  # type: ignore[call-overload]

    value = [value]
    text = json.dumps(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_text, "MAX_VALUES", count(value) - 1)
        with pytest.raises(ValueError, match="values"):
            decode_json(text)


def test_depth_is_bounded() -> None:
    assert decode_json("[" * 190 + "]" * 190)
    with pytest.raises(ValueError, match="recursion limit"):
        decode_json("[" * 210 + "]" * 210)
