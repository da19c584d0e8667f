"""API Gateway: keys, usage plans, throttles and methods."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.services import apigateway_v1

from easel_local.emulator.bridges.bridge import Bridge, Response

_BuildEvent = Callable[..., dict[str, Any]]
_Create = Callable[[dict[str, Any]], Response]
_TakeToken = Callable[[Any, dict[str, Any]], bool]
_Update = Callable[[str, str, str, dict[str, Any]], Response]


def generated_api_key_value(create_api_key: _Create) -> _Create:
    """An API key with the value "" gets a generated one.

    Terraform's provider sends "" where no value is configured, and AWS generates one; ministack
    refuses it as too short.
    """

    def bridged(data: dict[str, Any]) -> Response:
        if data.get("value") == "":
            data = {name: value for name, value in data.items() if name != "value"}
        return create_api_key(data)

    return bridged


def usage_plan_without_quota(create_usage_plan: _Create) -> _Create:
    """A usage plan without a quota is read back without one.

    ministack answers ``"quota": {}``, which the provider takes for a quota of 0: every plan after
    the first would change it.
    """

    def bridged(data: dict[str, Any]) -> Response:
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


def method_keeps_its_booleans(update_method: _Update) -> _Update:
    """A method that is changed keeps apiKeyRequired as a boolean.

    Values of a patch are strings. ministack stores them as they are, and "false" then asks for a
    key and cannot be read back.
    """

    def bridged(api_id: str, resource_id: str, http_method: str, data: dict[str, Any]) -> Response:
        patches = [
            patch | {"value": str(patch["value"]).lower() == "true"}
            if patch.get("path") == "/apiKeyRequired"
            else patch
            for patch in data.get("patchOperations", [])
        ]
        return update_method(api_id, resource_id, http_method, data | {"patchOperations": patches})

    return bridged


def event_names_its_api_key(build_event: _BuildEvent) -> _BuildEvent:
    """A function is told which API key a request came with.

    AWS names it in ``requestContext.identity``, as ``apiKey`` and ``apiKeyId``; ministack does not.
    """

    def bridged(*arguments: Any, **settings: Any) -> dict[str, Any]:
        event = build_event(*arguments, **settings)
        value = apigateway_v1._api_key_from_request(event["headers"])  # noqa: SLF001
        key = apigateway_v1._resolve_api_key(value)  # noqa: SLF001
        if key is not None:
            event["requestContext"]["identity"] |= {"apiKey": value, "apiKeyId": key["id"]}
        return event

    return bridged


BRIDGES = (
    Bridge(apigateway_v1, "_create_api_key", generated_api_key_value),
    Bridge(apigateway_v1, "_create_usage_plan", usage_plan_without_quota),
    Bridge(apigateway_v1, "_take_token", unlimited_stage_throttle),
    Bridge(apigateway_v1, "_build_lambda_event_v1", event_names_its_api_key),
    Bridge(apigateway_v1, "_update_method", method_keeps_its_booleans),
)
