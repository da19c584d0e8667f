"""What is applied is what is written: a second plan finds nothing to do."""

import pytest

from .stacks import Stack

pytestmark = pytest.mark.e2e


def test_the_second_plan_is_empty(stack: Stack) -> None:
    status, text = stack.plan()
    assert status == 0, text
    assert "No changes" in text


def test_no_output_is_secret(stack: Stack, api_key: str) -> None:
    assert api_key not in str(stack.values())
