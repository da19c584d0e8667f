"""The test's side of the proxy, under ``/_proxy/``: AWS has no such paths.

============================  ================================================================
``GET /_proxy/calls``         ``{"calls": {operation: count}, "injected": {...}}``
``DELETE /_proxy/calls``      sets the counts to 0
``POST /_proxy/faults``       adds a ``faults.Fault``
``DELETE /_proxy/faults``     ends all faults
``PUT /_proxy/delay``         ``{"seconds"}`` added to every call from now on
============================  ================================================================
"""

import json
from collections import Counter
from dataclasses import dataclass, field

from pydantic import BaseModel, Field, ValidationError

from easel_simulators.browsers import foreign_request
from tests.aws_proxy.faults import Fault, FaultPlan
from tests.aws_proxy.messages import RequestHead, response

PREFIX = "/_proxy/"
MAX_DELAY_SECONDS = 60.0


@dataclass
class ProxyState:
    """What the control requests read and change.

    Attributes:
        delay_seconds: added to every call.
        faults: what is to go wrong.
        calls: how many of each operation came in.
        injected: how many faults of each kind and operation were injected.
    """

    delay_seconds: float = 0.0
    faults: FaultPlan = field(default_factory=FaultPlan)
    calls: Counter[str] = field(default_factory=Counter)
    injected: Counter[str] = field(default_factory=Counter)


class _Delay(BaseModel):
    seconds: float = Field(ge=0, le=MAX_DELAY_SECONDS)


class Control:
    """Answers the requests under ``PREFIX``."""

    def __init__(self, state: ProxyState) -> None:
        self._state = state

    def is_meant(self, head: RequestHead) -> bool:
        """Whether a request is for the proxy itself."""
        return head.target.startswith(PREFIX)

    def answer(self, head: RequestHead, body: bytes) -> bytes:
        """The whole response to a request."""
        if (why := foreign_request(head.headers)) is not None:
            return _json("403 Forbidden", {"error": why})
        try:
            value = self._do(head.method, head.target.removeprefix(PREFIX), body)
        except ValidationError as error:
            return _json("400 Bad Request", {"error": str(error)})
        if value is None:
            return _json("404 Not Found", {"error": "there are calls, faults and delay"})
        return _json("200 OK", value)

    def _do(self, method: str, name: str, body: bytes) -> object:
        state = self._state
        match method, name:
            case "GET", "calls":
                return {"calls": dict(state.calls), "injected": dict(state.injected)}
            case "DELETE", "calls":
                state.calls.clear()
                state.injected.clear()
            case "POST", "faults":
                state.faults.add(Fault.model_validate_json(body))
            case "DELETE", "faults":
                state.faults.clear()
            case "PUT", "delay":
                state.delay_seconds = _Delay.model_validate_json(body).seconds
            case _:
                return None
        return {}


def _json(status: str, value: object) -> bytes:
    return response(status, "application/json", json.dumps(value).encode())
