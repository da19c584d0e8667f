"""Workflows in ComfyUI's API format: `{node_id: {"class_type", "inputs"}}`."""

from collections.abc import Mapping
from typing import Any

from easel_agent.errors import RejectedTaskError
from easel_contract.errors import TaskErrorCode

Workflow = dict[str, dict[str, Any]]


def check_workflow(content: Mapping[str, Any]) -> Workflow:
    """Returns a task's content as a workflow.

    Raises:
        RejectedTaskError: it is none in API format; the message says what to do.
    """
    if isinstance(content.get("nodes"), list):
        raise _no_workflow("is a workflow as the editor saves it")
    if not content:
        raise _no_workflow("has no nodes")
    for node_id, node in content.items():
        if not isinstance(node, dict):
            raise _no_workflow(f"is no mapping of nodes: {node_id!r:.80} is no object")
        if not isinstance(node.get("class_type"), str):
            raise _no_workflow(f"is no mapping of nodes: {node_id!r:.80} has no class_type")
        if not isinstance(node.get("inputs"), dict):
            raise _no_workflow(f"has a node {node_id!r:.80} without inputs")
    return dict(content)


def _no_workflow(problem: str) -> RejectedTaskError:
    return RejectedTaskError(
        TaskErrorCode.INVALID_TASK,
        f'content {problem}; send the workflow that ComfyUI saves with "Save (API Format)"',
    )
