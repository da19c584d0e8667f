"""Where ministack 1.5.33 differs from AWS in a way that breaks easel's own modules.

Each bridge replaces one function of ministack and says what AWS does. Each has a canary in
tests/integration/test_emulator_bridges.py that fails when ministack no longer needs it.

Importing this module imports ministack, which reads its settings from the environment.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import apigateway_v1

_Response = tuple[int, dict[str, str], bytes]
_Create = Callable[[dict[str, Any]], _Response]
_TakeToken = Callable[[Any, dict[str, Any]], bool]
_ResolveKey = Callable[[str, Any], Any]


def build_bridges() -> None:
    """Put all bridges in place; ministack must not have served a request yet."""
    for module, name, wrap in (
        (apigateway_v1, "_create_api_key", generated_api_key_value),
        (apigateway_v1, "_create_usage_plan", usage_plan_without_quota),
        (apigateway_v1, "_take_token", unlimited_stage_throttle),
        (iam_evaluator, "_resolve_condition_key", loopback_is_secure),
    ):
        setattr(module, name, wrap(getattr(module, name)))


def generated_api_key_value(create_api_key: _Create) -> _Create:
    """An API key with the value "" gets a generated one.

    Terraform's provider sends "" where no value is configured, and AWS generates one; ministack
    refuses it as too short.
    """

    def bridged(data: dict[str, Any]) -> _Response:
        if data.get("value") == "":
            data = {name: value for name, value in data.items() if name != "value"}
        return create_api_key(data)

    return bridged


def usage_plan_without_quota(create_usage_plan: _Create) -> _Create:
    """A usage plan without a quota is read back without one.

    ministack answers ``"quota": {}``, which the provider takes for a quota of 0: every plan after
    the first would change it.
    """

    def bridged(data: dict[str, Any]) -> _Response:
        status, headers, body = create_usage_plan(data)
        if not data.get("quota"):
            plan_id = json.loads(body)["id"]
            del apigateway_v1._usage_plans[plan_id]["quota"]  # noqa: SLF001
        return status, headers, body

    return bridged


def unlimited_stage_throttle(take_token: _TakeToken) -> _TakeToken:
    """A stage's throttle of -1 is no throttle.

    Terraform's provider sends -1 for a stage without a limit of its own; ministack takes it for a
    limit that is always used up and answers 429 to everything.
    """

    def bridged(slot: Any, limits: dict[str, Any]) -> bool:
        without_limit = -1 in (limits.get("rateLimit"), limits.get("burstLimit"))
        return without_limit or take_token(slot, limits)

    return bridged


def loopback_is_secure(resolve_condition_key: _ResolveKey) -> _ResolveKey:
    """The key aws:SecureTransport is true.

    Our policies deny whatever comes without TLS, and AWS is only ever reached with it. What is
    served on the loopback interface never leaves the machine; with TLS every client would need a
    certificate authority of ours.
    """

    def bridged(key: str, context: Any) -> Any:
        if key.lower() == "aws:securetransport":
            return "true"
        return resolve_condition_key(key, context)

    return bridged
