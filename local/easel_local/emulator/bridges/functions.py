"""Lambda: what a function in China sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.core import lambda_runtime

from easel_local.emulator.bridges.bridge import Bridge
from easel_local.emulator.partition import is_china, to_china_value

_Spawn = Callable[[Any], None]
_Invoke = Callable[..., dict[str, Any]]


def variables_of_china(spawn: _Spawn) -> _Spawn:
    """A function in China finds its own partition in its environment variables."""

    def bridged(worker: Any) -> None:
        config = worker.config
        if _is_in_china(config) and "Environment" in config:
            worker.config = {**config, "Environment": to_china_value(config["Environment"])}
        try:
            spawn(worker)
        finally:
            worker.config = config

    return bridged


def event_of_china(invoke: _Invoke) -> _Invoke:
    """A function in China finds its own partition in its event and its context."""

    def bridged(worker: Any, event: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        if _is_in_china(worker.config):
            arn = options.get("invoked_function_arn") or worker.config.get("FunctionArn", "")
            options["invoked_function_arn"] = to_china_value(arn)
            event = to_china_value(event)
        return invoke(worker, event, *arguments, **options)

    return bridged


def _is_in_china(config: dict[str, Any]) -> bool:
    sections: list[str] = config.get("FunctionArn", "").split(":")
    return len(sections) > 3 and is_china(sections[3])  # noqa: PLR2004 - arn:aws:lambda:REGION


BRIDGES = (
    Bridge(lambda_runtime.Worker, "_spawn", variables_of_china),
    Bridge(lambda_runtime.Worker, "invoke", event_of_china),
)
