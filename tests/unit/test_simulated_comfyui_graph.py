"""In which order the simulated ComfyUI runs nodes, and which results it has already."""

from collections.abc import Iterator
from typing import Any

import pytest

from easel_simulators.comfyui.folders import Folders
from easel_simulators.comfyui.graph import run_order, signatures
from easel_simulators.comfyui.node_types import NodeTypes, Prompt
from easel_simulators.comfyui.nodes import installed

pytestmark = pytest.mark.unit


@pytest.fixture
def nodes() -> Iterator[NodeTypes]:
    folders = Folders()
    yield installed(["a.safetensors"], 0.0, folders)
    folders.close()


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def chain() -> Prompt:
    return {
        "1": node("EmptyImage", color=1),
        "2": node("ImageInvert", image=["1", 0]),
        "3": node("SaveImage", images=["2", 0]),
        "4": node("PreviewImage", images=["1", 0]),
        "5": node("EmptyImage", color=2),
    }


def test_nodes_run_after_what_they_need_and_outputs_as_soon_as_they_can(nodes: NodeTypes) -> None:
    assert run_order(chain(), ["3", "4"], (), nodes) == ["1", "4", "2", "3"]


def test_what_no_output_needs_does_not_run(nodes: NodeTypes) -> None:
    assert run_order(chain(), ["4"], (), nodes) == ["1", "4"]


def test_what_is_cached_does_not_run_and_cached_outputs_are_told_again(nodes: NodeTypes) -> None:
    assert run_order(chain(), ["3", "4"], {"1", "2", "4"}, nodes) == ["3", "4"]


def test_an_input_that_changes_changes_all_that_follows(nodes: NodeTypes) -> None:
    changed = chain()
    changed["2"]["inputs"]["image"] = ["5", 0]
    before, after = (signatures(one, ["3", "4"], nodes) for one in (chain(), changed))
    assert before["1"] == after["1"]
    assert before["4"] == after["4"]
    assert before["2"] != after["2"]
    assert before["3"] != after["3"]


def test_ids_do_not_count(nodes: NodeTypes) -> None:
    prompt = {"x": node("EmptyImage", color=1), "y": node("PreviewImage", images=["x", 0])}
    assert signatures(prompt, ["y"], nodes)["y"] == signatures(chain(), ["4"], nodes)["4"]


def test_a_link_is_not_taken_for_a_value(nodes: NodeTypes) -> None:
    linked = {**chain(), "6": node("PreviewAny", source=["1", 0])}
    value = {**chain(), "6": node("PreviewAny", source="1")}
    assert signatures(linked, ["6"], nodes)["6"] != signatures(value, ["6"], nodes)["6"]


@pytest.mark.parametrize("value", [["77", 0], [1, 2, 3], ["1"], [["1", 0], ["1", 0]], []])
def test_an_input_that_no_class_declares_is_no_node_to_run(nodes: NodeTypes, value: Any) -> None:
    prompt = chain()
    prompt["4"]["inputs"]["undeclared"] = value
    assert run_order(prompt, ["4"], (), nodes) == ["1", "4"]
    assert signatures(prompt, ["4"], nodes).keys() == {"1", "4"}
