"""A ComfyUI task's content: a workflow, or the body that ComfyUI's own `POST /prompt` takes.

The body is `{"prompt": {node_id: node}, "extra_data": {...}, ...}` (ComfyUI server.py,
post_prompt). Of it the workflow, `extra_data` and `partial_execution_targets` are passed on;
`client_id` and `prompt_id` are the agent's, and no task chooses its place in the queue (`front`,
`number`).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from easel_agent.errors import RejectedTaskError
from easel_agent.runtimes.comfyui.workflow import Workflow, check_workflow
from easel_contract.errors import TaskErrorCode

_BODY, _EXTRA, _TARGETS = "prompt", "extra_data", "partial_execution_targets"
_EDITORS_COPY = "extra_pnginfo"
"""Of `extra_data`: the workflow as the editor has it; its names are nodes', none is a secret's."""
_SECRET_NAME = re.compile(r"key|token|secret|auth|password|credential", re.IGNORECASE)
_MIN_SECRET_CHARACTERS = 6
"""Shorter values are taken out where they stand alone: elsewhere the same letters are a word."""
REDACTED = "[redacted]"


class Secrets:
    """The secrets in a body's `extra_data`: they reach ComfyUI and nothing else.

    A value counts that has a name like `api_key_comfy_org`. ComfyUI 0.8.0 keeps
    `api_key_comfy_org` and `auth_token_comfy_org` out of its history (execution.py,
    SENSITIVE_EXTRA_DATA_KEYS), older ones do not, and a node may repeat one in its message.
    """

    def __init__(self, extra_data: Mapping[str, Any]) -> None:
        values = {text for text in _secret_texts(extra_data) if len(text) >= _MIN_SECRET_CHARACTERS}
        forms = {form for text in values for form in _written_forms(text)}
        # Long ones first: one may begin with another.
        self._forms = sorted(forms, key=len, reverse=True)

    def without(self, value: Any) -> Any:
        """Returns a copy of a JSON value in which the secrets are not."""
        if isinstance(value, str):
            return self.without_text(value)
        if isinstance(value, dict):
            return {self.without_text(str(key)): self.without(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.without(one) for one in value]
        return value

    def without_text(self, text: str) -> str:
        """Returns a text in which the secrets are not."""
        for form in self._forms:
            text = text.replace(form, REDACTED)
        return text

    def without_bytes(self, data: bytes) -> bytes:
        """Returns a body in which the secrets are not."""
        for form in self._forms:
            data = data.replace(form.encode(errors="surrogatepass"), REDACTED.encode())
        return data

    def without_entry(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Returns a history's entry in which the secrets are not, nor anything of their names."""
        if not self._forms and not _may_hold_secrets(entry):
            return entry
        clean: dict[str, Any] = self.without(entry)
        listed = clean.get("prompt")
        if isinstance(listed, list):
            # [number, prompt_id, workflow, extra data, output nodes, and where there are, secrets]
            kept = [_without_named(one) if isinstance(one, dict) else one for one in listed[3:]]
            clean["prompt"] = [*listed[:3], *kept]
        return clean


def _may_hold_secrets(entry: Mapping[str, Any]) -> bool:
    listed = entry.get("prompt")
    extra = listed[3:] if isinstance(listed, list) else []
    return any(isinstance(one, dict) and any(True for _ in _secret_texts(one)) for one in extra)


def _secret_texts(value: Mapping[str, Any]) -> Iterator[str]:
    for name, item in value.items():
        if _SECRET_NAME.search(name):
            yield from _texts(item)
        elif isinstance(item, dict) and name != _EDITORS_COPY:
            yield from _secret_texts(item)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _written_forms(text: str) -> set[str]:
    escaped = {json.dumps(text, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    return {text, quote(text, safe="", errors="replace"), repr(text)[1:-1], *escaped}


def _without_named(value: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, item in value.items():
        if _SECRET_NAME.search(name):
            kept[name] = REDACTED
        else:
            is_looked_into = isinstance(item, dict) and name != _EDITORS_COPY
            kept[name] = _without_named(item) if is_looked_into else item
    return kept


@dataclass(frozen=True)
class ComfyRequest:
    """The request to ComfyUI for a task.

    Attributes:
        workflow: in API format.
        extra_data: for nodes, such as the keys of API nodes; may hold secrets.
        targets: ids of the only output nodes that are to run; None for all.
        secrets: those in `extra_data`.
    """

    workflow: Workflow
    extra_data: dict[str, Any] = field(default_factory=dict, repr=False)
    targets: list[str] | None = None
    secrets: Secrets = field(default_factory=lambda: Secrets({}), repr=False)

    def body(self, workflow: Workflow, client_id: str, prompt_id: str) -> dict[str, Any]:
        """The body of `POST /prompt` with another workflow in it."""
        body: dict[str, Any] = {_BODY: workflow, "client_id": client_id, "prompt_id": prompt_id}
        if self.extra_data:
            body[_EXTRA] = self.extra_data
        if self.targets is not None:
            body[_TARGETS] = self.targets
        return body


def is_body(content: Mapping[str, Any]) -> bool:
    """Whether a task's content is a body of `POST /prompt`, and not a workflow.

    A workflow may have a node of the id "prompt": nodes have a class_type.
    """
    prompt = content.get(_BODY)
    if not isinstance(prompt, dict) or "class_type" in prompt:
        return False
    others = (value for name, value in content.items() if name != _BODY)
    return not any(isinstance(value, dict) and "class_type" in value for value in others)


def read_request(content: Mapping[str, Any]) -> ComfyRequest:
    """Reads a task's content.

    Raises:
        RejectedTaskError: it is neither a workflow in API format nor a body with one.
    """
    if not is_body(content):
        return ComfyRequest(check_workflow(content))
    extra_data = content.get(_EXTRA)
    if not isinstance(extra_data, dict | None):
        raise _invalid(f'"{_EXTRA}" in content is no object; leave it out, or send an object')
    targets = content.get(_TARGETS)
    is_list = isinstance(targets, list) and all(isinstance(one, str) for one in targets)
    if targets is not None and not is_list:
        raise _invalid(f'"{_TARGETS}" in content is no list of node ids; leave it out for all')
    kept = dict(extra_data or {})
    return ComfyRequest(check_workflow(content[_BODY]), kept, targets, Secrets(kept))


def with_workflow(content: Mapping[str, Any], workflow: Workflow) -> dict[str, Any]:
    """Returns content of the same form with another workflow in it."""
    return {**content, _BODY: workflow} if is_body(content) else dict(workflow)


def _invalid(message: str) -> RejectedTaskError:
    return RejectedTaskError(TaskErrorCode.INVALID_TASK, message)
