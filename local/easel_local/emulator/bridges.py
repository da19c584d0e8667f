"""Where ministack 1.5.33 differs from AWS in a way that breaks easel's own modules.

Each bridge replaces one function of ministack and says what AWS does. Each has a canary in
tests/integration/test_emulator_bridges.py that fails when ministack no longer needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import apigateway_v1

_Response = tuple[int, dict[str, str], bytes]
_Create = Callable[[dict[str, Any]], _Response]


def bridge() -> None:
    """Put all bridges in place; ministack must not have served a request yet."""
    for name, wrap in (
        ("_create_api_key", generated_api_key_value),
        ("_create_usage_plan", usage_plan_without_quota),
        ("_take_token", unlimited_stage_throttle),
    ):
        setattr(apigateway_v1, name, wrap(getattr(apigateway_v1, name)))


def generated_api_key_value(create_api_key: _Create) -> _Create:
    """An API key with the value "" gets a generated one.

    Terraform's provider sends "" where no value is configured, and AWS generates one; ministack
    refuses it as too short.
    """

    def bridged(data: dict[str, Any]) -> _Response:
        return create_api_key(_without_empty(data, "value"))

    return bridged


def usage_plan_without_quota(create_usage_plan: _Create) -> _Create:
    """A usage plan without a quota is read back without one.

    ministack answers ``"quota": {}``, which the provider takes for a quota of 0: every plan after
    the first would change it.
    """

    def bridged(data: dict[str, Any]) -> _Response:
        response = create_usage_plan(data)
        for plan in apigateway_v1._usage_plans.values():  # noqa: SLF001
            if plan.get("quota") == {}:
                del plan["quota"]
        return response

    return bridged


def unlimited_stage_throttle(
    take_token: Callable[[Any, dict[str, Any]], bool],
) -> Callable[[Any, dict[str, Any]], bool]:
    """A stage's throttle of -1 is no throttle.

    Terraform's provider sends -1 for a stage without a limit of its own; ministack takes it for a
    limit that is always used up and answers 429.
    """

    def bridged(slot: Any, limits: dict[str, Any]) -> bool:
        without_limit = -1 in (limits.get("rateLimit"), limits.get("burstLimit"))
        return without_limit or take_token(slot, limits)

    return bridged


def _without_empty(data: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != field or value != ""}
