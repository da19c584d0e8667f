"""What may differ between a real ComfyUI's answers and the simulated one's."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import requests

from .captures import differences

VALUES_MAY_DIFFER = {
    "*timestamp": "the time",
    "*create_time": "the time",
    "*execution_start_time": "the time",
    "*execution_end_time": "the time",
    "*exception_message": "names a path of the captured machine",
    "*response.system.*": "this machine",
    "*response.devices*": "this machine",
    "*current_inputs.image[[]0]": "the simulator has no tensors",
}
"""Paths (fnmatch patterns), with the reason."""


def unlike(step: str, captured: Any, ours: Any) -> Iterator[str]:
    """What differs and may not."""
    for path, kind, what in differences(comparable(captured), comparable(ours), ""):
        if kind == "shape" or not any(fnmatchcase(path, one) for one in VALUES_MAY_DIFFER):
            yield f"{step}: {path}: {what}"


def parsed(answer: requests.Response) -> Any:
    content_type = answer.headers.get("content-type", "application/octet-stream")
    if content_type.startswith("application/json"):
        return answer.json()
    if content_type.startswith("text/plain"):
        return answer.text
    return f"<{len(answer.content)} bytes {content_type}>"


def comparable(value: Any, key: str = "") -> Any:
    """The value without what differs from run to run: order of sets, chosen letters, sizes."""
    if key == "headers":
        return {name: comparable(value[name], name) for name in sorted(value)}
    if isinstance(value, dict):
        return {name: comparable(item, name) for name, item in value.items()}
    if isinstance(value, list):
        if key in ("traceback", "argv"):
            return ["..."]
        items = [comparable(item) for item in value]
        if key in ("executed", "current_outputs", "errors"):
            items.sort(key=lambda item: json.dumps(item, sort_keys=True))
        return items
    if isinstance(value, str):
        value = re.sub(r"ComfyUI_temp_[a-z]{5}_", "ComfyUI_temp_xxxxx_", value)
        value = re.sub(r"^<\d{3,} bytes", "<N bytes", value)
        return re.sub(r"/\d{3,}$", "/N", value) if key == "content-range" else value
    return value
