"""What is applied is what is written: a second plan finds nothing to do."""

import pytest

from .conftest import EmulatedStack

pytestmark = pytest.mark.e2e


def test_the_second_plan_is_empty(local_stack: EmulatedStack) -> None:
    status, text = local_stack.module.plan()
    assert status == 0, text
    assert "No changes" in text


def test_no_output_is_secret(local_stack: EmulatedStack, api_key: str) -> None:
    outputs = local_stack.module.outputs()
    assert api_key not in str(outputs)
