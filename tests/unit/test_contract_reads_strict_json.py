"""What Python's own reader would let through, to fail later."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from easel_contract.json_text import decode_json, encode_json

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
