"""Where ministack 1.5.33 differs from AWS in a way that breaks easel's own modules.

Each bridge replaces one function of ministack, says what AWS does, and has a canary in
tests/integration/test_emulator_bridges.py that fails when ministack no longer needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_Response = tuple[int, dict[str, str], bytes]


def bridge() -> None:
    """Put all bridges in place; ministack must not have served a request yet."""
    _empty_api_key_value()


def _empty_api_key_value() -> None:
    """An API key with the value "" gets a generated one.

    Terraform's provider sends "" when no value is configured and AWS generates one; ministack
    refuses it as too short.
    """
    from ministack.services import apigateway_v1

    create: Callable[[dict[str, Any]], _Response] = apigateway_v1._create_api_key  # noqa: SLF001

    def create_api_key(data: dict[str, Any]) -> _Response:
        if data.get("value") == "":
            data = {name: value for name, value in data.items() if name != "value"}
        return create(data)

    apigateway_v1._create_api_key = create_api_key  # noqa: SLF001
