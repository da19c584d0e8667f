"""What the ComfyUI adapter takes as a workflow, and what it changes in one."""

from typing import Any

import pytest

from easel_agent.errors import RejectedTaskError
from easel_agent.runtimes.comfyui_workflow import (
    FileInput,
    check_workflow,
    file_inputs,
    with_inputs,
    with_nonce,
)
from easel_contract.errors import TaskErrorCode

pytestmark = pytest.mark.unit

URL = "https://example.com/cat.png"


def node(class_type: str = "LoadImage", **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def declared(**options: Any) -> dict[str, Any]:
    return {"input": {"required": {"file": [["a.png"], options]}, "optional": {}}}


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


@pytest.mark.parametrize(
    ("prefix", "becomes"),
    [
        ("ComfyUI", "n_ComfyUI"),
        ("a/b", "a/n_b"),
        ("a/b/", "a/b/n_"),
        ("", "n_"),
        ("../b", "../n_b"),
    ],
)
def test_the_nonce_goes_before_the_name_and_behind_the_subfolders(
    prefix: str, becomes: str
) -> None:
    workflow = {"1": node("SaveImage", filename_prefix=prefix, images=["2", 0])}
    assert with_nonce(workflow, "n")["1"]["inputs"] == {
        "filename_prefix": becomes,
        "images": ["2", 0],
    }
    assert workflow["1"]["inputs"]["filename_prefix"] == prefix


def test_a_linked_prefix_and_nodes_without_one_stay() -> None:
    workflow = {"1": node("SaveImage", filename_prefix=["2", 0]), "2": node("PrimitiveString")}
    assert with_nonce(workflow, "n") == workflow


@pytest.mark.parametrize(
    "options",
    [
        {"image_upload": True},
        {"video_upload": True},
        {"audio_upload": True},
        {"upload": True, "default": "x"},
    ],
)
def test_inputs_that_take_an_upload_are_found_by_their_declaration(options: dict[str, Any]) -> None:
    workflow = {"7": node("Any", file=URL)}
    found = list(file_inputs(workflow, lambda _: declared(**options)))
    assert found == [FileInput("7", "file", URL)]


@pytest.mark.parametrize("options", [{}, {"image_upload": False}, {"default": "x"}])
def test_other_inputs_are_not(options: dict[str, Any]) -> None:
    assert not list(file_inputs({"7": node("Any", file=URL)}, lambda _: declared(**options)))


@pytest.mark.parametrize("value", ["a.png", "ftp://x/a.png", "", 5, ["1", 0], None])
def test_values_that_are_no_url_are_left_alone_and_nothing_is_asked(value: object) -> None:
    def never(class_type: str) -> dict[str, Any]:
        raise AssertionError(class_type)

    assert not list(file_inputs({"7": node("Any", file=value)}, never))


@pytest.mark.parametrize("url", ["http://x/a", "HTTPS://x/a", "s3://bucket/a"])
def test_every_scheme_counts(url: str) -> None:
    found = list(file_inputs({"7": node(file=url)}, lambda _: declared(image_upload=True)))
    assert [one.value for one in found] == [url]


def test_each_class_is_asked_for_once() -> None:
    asked = []

    def object_info(class_type: str) -> dict[str, Any]:
        asked.append(class_type)
        return declared(image_upload=True)

    workflow = {str(number): node("A" if number % 2 else "B", file=URL) for number in range(6)}
    assert len(list(file_inputs(workflow, object_info))) == 6
    assert sorted(asked) == ["A", "B"]


@pytest.mark.parametrize(
    ("class_type", "name"), [("LoadImage", "image"), ("LoadAudio", "audio"), ("LoadVideo", "file")]
)
def test_classes_that_the_server_does_not_know_go_by_their_name(class_type: str, name: str) -> None:
    workflow = {"1": node(class_type, **{name: URL, "other": URL}), "2": node("Unknown", image=URL)}
    assert list(file_inputs(workflow, lambda _: {})) == [FileInput("1", name, URL)]


@pytest.mark.parametrize(
    "info",
    [
        {"input": {"required": {"file": "IMAGE"}}},
        {"input": {"required": {"file": ["IMAGE"]}}},
        {"input": {"required": {"file": ["IMAGE", "x"]}}},
        {"input": {"required": []}},
    ],
)
def test_odd_declarations_are_no_uploads(info: dict[str, Any]) -> None:
    assert not list(file_inputs({"1": node("Any", file=URL)}, lambda _: info))


def test_names_replace_urls_in_a_copy() -> None:
    workflow = {"1": node(image=URL, channel="red"), "2": node("SaveImage", images=["1", 0])}
    changed = with_inputs(workflow, {FileInput("1", "image", URL): "in (1).png"})
    assert changed["1"]["inputs"] == {"image": "in (1).png", "channel": "red"}
    assert changed["2"] is workflow["2"]
    assert workflow["1"]["inputs"]["image"] == URL
