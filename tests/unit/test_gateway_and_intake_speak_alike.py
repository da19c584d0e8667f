"""API Gateway's own refusals use the codes that the contract defines for the intake's."""

import re
from pathlib import Path

import pytest

from easel_contract.errors import ApiErrorCode

pytestmark = pytest.mark.unit

RESPONSES = Path(__file__).resolve().parents[2] / "modules/api-fanout/gateway_responses.tf"


def test_every_gateway_code_is_one_of_the_contract() -> None:
    codes = set(re.findall(r'code = "(\w+)"', RESPONSES.read_text()))
    assert {"unauthorized", "throttled", "invalid_request"} <= codes
    assert codes <= set(ApiErrorCode)
