"""Logs as JSON lines, for CloudWatch to query.

Whatever is in a message, an entry is one line of ASCII: JSON escapes the rest.
"""

import json
import logging
import sys
import threading
from types import TracebackType
from typing import Any

from pythonjsonlogger.core import LogData
from pythonjsonlogger.json import JsonFormatter

MAX_LINE_BYTES = 16 * 1024
"""With its line end: container runtimes split a longer one, and its parts are not JSON.
https://github.com/containerd/containerd/blob/main/docs/cri/config.md
(`max_container_log_line_size`)"""

_CUT_CHARACTERS = (2000, 200, 20)
"""To which the texts of a line that is too long are cut, until it fits."""

logger = logging.getLogger(__name__)


def log_as_json(level: str) -> None:
    """Sends all logs to standard error, one JSON object a line; what nobody has caught, too.

    Args:
        level: of easel's own loggers; libraries log from WARNING.

    Raises:
        ValueError: there is no such level.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(
        _BoundedJsonFormatter(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("easel_agent").setLevel(level)
    logging.captureWarnings(capture=True)
    # Their defaults print the error's text as it is.
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


class _BoundedJsonFormatter(JsonFormatter):
    def serialize_log_record(self, log_data: LogData) -> str:
        line = super().serialize_log_record(log_data)
        for characters in _CUT_CHARACTERS:
            if len(line) < MAX_LINE_BYTES:
                return line
            cut = {name: _cut(value, characters) for name, value in log_data.items()}
            line = super().serialize_log_record(cut)
        if len(line) < MAX_LINE_BYTES:
            return line
        basic = {name: log_data.get(name) for name in ("time", "level", "logger")}
        return super().serialize_log_record(basic | {"message": "an entry with too many fields"})


def _cut(value: Any, characters: int) -> Any:
    """Cuts a text in its middle: of a traceback the end says what happened."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    if len(text) <= characters:
        return value
    half = characters // 2
    return f"{text[:half]} ... {text[-half:]}"


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logger.critical("uncaught error", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    kind, error, trace = arguments.exc_type, arguments.exc_value, arguments.exc_traceback
    if error is not None and not issubclass(kind, SystemExit):
        logger.critical("uncaught error in a thread", exc_info=(kind, error, trace))
