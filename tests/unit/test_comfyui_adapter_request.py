"""What the ComfyUI adapter takes as content: a workflow, or ComfyUI's own request body."""

import json
from typing import Any

import pytest

from easel_agent.errors import RejectedTaskError
from easel_agent.runtimes.comfyui.request import REDACTED, is_body, read_request, with_workflow

pytestmark = pytest.mark.unit

NODE = {"class_type": "LoadImage", "inputs": {"image": "a.png"}}
WORKFLOW = {"1": NODE}
KEY = "comfyui-0123456789abcdef"


@pytest.mark.parametrize(
    "content",
    [
        {"prompt": WORKFLOW},
        {"prompt": WORKFLOW, "client_id": "x", "extra_data": {"a": 1}, "front": True, "number": 3},
        {"prompt": WORKFLOW, "workflow": {"nodes": [], "links": []}},
        {"prompt": WORKFLOW, "extra_data": None},
        {"prompt": {"inputs": NODE}},
    ],
)
def test_comfyuis_own_body_is_taken_as_it_is(content: dict[str, Any]) -> None:
    assert is_body(content)
    request = read_request(content)
    assert request.workflow == content["prompt"]
    other = {"2": NODE}
    assert with_workflow(content, other) == {**content, "prompt": other}
    body = request.body(other, "ours", "id")
    assert body["prompt"] == other
    assert (body["client_id"], body["prompt_id"]) == ("ours", "id")
    assert not {"front", "number", "workflow"} & body.keys()


@pytest.mark.parametrize(
    "content", [WORKFLOW, {"prompt": NODE}, {"prompt": NODE, "1": NODE}, {"1": NODE, "prompt": {}}]
)
def test_a_node_may_be_called_prompt(content: dict[str, Any]) -> None:
    assert not is_body(content)
    assert with_workflow(content, {"2": NODE}) == {"2": NODE}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"prompt": {"prompt": WORKFLOW}}, "'prompt' has no class_type"),
        ({"prompt": {"nodes": [], "links": []}}, "as the editor saves it"),
        ({"prompt": {}}, "has no nodes"),
        ({"prompt": "a cat"}, "'prompt' is no object"),
        ({"prompt": WORKFLOW, "extra_data": []}, '"extra_data" in content is no object'),
        ({"prompt": WORKFLOW, "partial_execution_targets": [1]}, "no list of node ids"),
    ],
)
def test_what_is_wrong_with_a_body_is_said(content: dict[str, Any], says: str) -> None:
    with pytest.raises(RejectedTaskError, match=says):
        read_request(content)


def test_extra_data_and_targets_reach_comfyui() -> None:
    extra = {"api_key_comfy_org": KEY, "extra_pnginfo": {"workflow": {"id": 1}}}
    request = read_request(
        {"prompt": WORKFLOW, "extra_data": extra, "partial_execution_targets": ["1"]}
    )
    body = request.body(request.workflow, "ours", "id")
    assert body["extra_data"] == extra
    assert body["partial_execution_targets"] == ["1"]
    assert KEY not in repr(request)


def test_a_secret_is_in_no_part_of_an_entry() -> None:
    extra = {
        "api_key_comfy_org": KEY,
        "Authorization": {"header": [f"Bearer {KEY}-2"]},
        "nested": {"my_token": 'with "quotes" and ä'},
        "extra_pnginfo": {"workflow": {"keyboard": "kept as it is"}},
    }
    request = read_request({"prompt": WORKFLOW, "extra_data": extra})
    entry = {
        "prompt": [1, "id", {"1": {"inputs": {"text": f"x{KEY}x"}}}, extra, ["1"], dict(extra)],
        "status": {"messages": [["execution_error", {"exception_message": f"bad key {KEY}"}]]},
        "outputs": {"1": {"text": ["with%20%22quotes%22%20and%20%C3%A4", KEY]}},
    }
    clean = request.secrets.without_entry(entry)
    text = json.dumps(clean, ensure_ascii=False)
    assert KEY not in text
    assert "quotes" not in text
    assert clean["prompt"][3]["api_key_comfy_org"] == REDACTED
    assert clean["prompt"][3]["extra_pnginfo"] == extra["extra_pnginfo"]
    assert clean["status"]["messages"][0][1]["exception_message"] == f"bad key {REDACTED}"
    body = json.dumps({"error": KEY, "and": 'with "quotes" and ä'}).encode()
    assert request.secrets.without_bytes(body) == (
        f'{{"error": "{REDACTED}", "and": "{REDACTED}"}}'.encode()
    )


def test_a_short_secret_stands_in_the_entry_by_its_name_only() -> None:
    request = read_request({"prompt": WORKFLOW, "extra_data": {"api_key": "a"}})
    entry = {"prompt": [1, "id", {"1": {"inputs": {"text": "a cat"}}}, {"api_key": "a"}, []]}
    clean = request.secrets.without_entry(entry)
    assert clean["prompt"][2:4] == [{"1": {"inputs": {"text": "a cat"}}}, {"api_key": REDACTED}]


def test_without_secrets_an_entry_stays_as_it_is() -> None:
    request = read_request({"prompt": WORKFLOW, "extra_data": {"preview_method": "auto"}})
    entry = {"prompt": [1, "id", WORKFLOW, {"client_id": "x", "preview_method": "auto"}, ["1"]]}
    assert request.secrets.without_entry(entry) is entry
