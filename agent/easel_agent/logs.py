"""Logs as JSON lines, for CloudWatch to query."""

import logging

from pythonjsonlogger.json import JsonFormatter


def log_as_json(level: str) -> None:
    """Sends all logs to standard error, one JSON object a line.

    Args:
        level: of easel's own loggers; libraries log from WARNING.

    Raises:
        ValueError: there is no such level.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(
        JsonFormatter(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("easel_agent").setLevel(level)
