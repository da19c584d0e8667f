"""What the ComfyUI adapter takes as a workflow."""

from typing import Any

import pytest

from easel_agent.errors import RejectedTaskError
from easel_agent.runtimes.comfyui.workflow import check_workflow
from easel_contract.errors import TaskErrorCode

pytestmark = pytest.mark.unit


def node(class_type: str = "LoadImage", **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"nodes": [], "links": [], "version": 0.4}, "as the editor saves it"),
        ({}, "no nodes"),
        ({"prompt": {"1": node()}}, "'prompt' has no class_type"),
        ({"1": "LoadImage"}, "'1' is no object"),
        ({"1": {"inputs": {}}}, "'1' has no class_type"),
        ({"1": {"class_type": 5, "inputs": {}}}, "'1' has no class_type"),
        ({"1": {"class_type": "LoadImage"}}, "'1' without inputs"),
        ({"x" * 10_000: None}, "is no object"),
    ],
)
def test_what_is_no_api_format_is_refused_with_the_way_to_get_it(
    content: dict[str, Any], says: str
) -> None:
    with pytest.raises(RejectedTaskError) as refused:
        check_workflow(content)
    error = refused.value.error
    assert error.code is TaskErrorCode.INVALID_TASK
    assert says in error.message
    assert '"Save (API Format)"' in error.message
    assert len(error.message) < 300


def test_a_workflow_is_taken_with_whatever_else_its_nodes_hold() -> None:
    workflow = {"1": {**node(), "_meta": {"title": "Load"}}}
    assert check_workflow(workflow) == workflow
