"""Label and field selectors of lists and watches."""

import re
from typing import Any

_TERM = re.compile(r"(\S+?)\s*(=|==|!=| in | notin )\s*(.+)")


def selected(one: dict[str, Any], labels: str, fields: str) -> bool:
    """Whether an object has the labels and the fields that two selectors ask for."""
    return _has_labels(one, labels) and _has_fields(one, fields)


def _has_labels(one: dict[str, Any], selector: str) -> bool:
    labels = one["metadata"].get("labels") or {}
    for term in re.findall(r"[^,(]+(?:\([^)]*\))?", selector):
        match = _TERM.fullmatch(term.strip())
        if not match:  # only a name: it must be there, whatever it holds
            if term.strip() not in labels:
                return False
            continue
        name, operator, value = match.groups()
        values = [part.strip() for part in value.strip("()").split(",")]
        if (labels.get(name) in values) == (operator.strip() in {"!=", "notin"}):
            return False
    return True


def _has_fields(one: dict[str, Any], selector: str) -> bool:
    for term in filter(None, selector.split(",")):
        name, _, wanted = term.replace("==", "=").partition("=")
        value: Any = one
        for part in name.split("."):
            value = value.get(part, "") if isinstance(value, dict) else ""
        if value != wanted:
            return False
    return True
