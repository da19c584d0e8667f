"""Comparing what a simulated runtime answers with what a real one was captured to answer."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CAPTURES = Path(__file__).parents[1] / "data" / "captures"
CUT = re.compile(r"(?P<kept>(?P<prefix>data:image/png;base64,)?.*)\.\.\.\[\d+ chars\]")
"""A long string of which the capture keeps the beginning."""


def differences(captured: Any, ours: Any, path: str) -> Iterator[tuple[str, str, str]]:
    """Every difference, as its path, ``shape`` or ``value``, and what it is."""
    if type(captured) is not type(ours):
        yield path, "shape", f"{captured!r:.80} became {ours!r:.80}"
    elif isinstance(captured, dict):
        if list(captured) != list(ours):
            yield path, "shape", f"keys {list(captured)} became {list(ours)}"
        for key in captured.keys() & ours.keys():
            yield from differences(captured[key], ours[key], f"{path}.{key}")
    elif isinstance(captured, list):
        if len(captured) != len(ours):
            yield path, "shape", f"{len(captured)} items became {len(ours)}"
        for index, (theirs, item) in enumerate(zip(captured, ours, strict=False)):
            yield from differences(theirs, item, f"{path}[{index}]")
    elif not same_value(captured, ours):
        yield path, "value", f"{captured!r:.90} became {ours!r:.90}"


def same_value(captured: Any, ours: Any) -> bool:
    """Whether two values are equal, as far as the captured one was kept."""
    if isinstance(captured, str) and (cut := CUT.fullmatch(captured)):
        return str(ours).startswith(cut["kept"])
    return bool(captured == ours)
