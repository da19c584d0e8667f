"""How the ComfyUI adapter reads a job's entry in the history."""

import json
from pathlib import Path
from typing import Any

import pytest

from easel_agent.errors import UNKNOWN_FAILURE_ATTEMPTS, RejectedTaskError, TransientError
from easel_agent.runtimes.comfyui import history as comfyui_history
from easel_agent.runtimes.comfyui.history import MAX_ERROR_CHARACTERS, Outcome, Refusal
from easel_contract.errors import TaskErrorCode

pytestmark = pytest.mark.unit

CAPTURES = Path(__file__).parents[1] / "data" / "captures"


def file(name: str, kind: str = "output", subfolder: str = "") -> dict[str, Any]:
    return {"filename": name, "subfolder": subfolder, "type": kind}


def entry(outputs: dict[str, Any], status: str = "success", *messages: Any) -> dict[str, Any]:
    completed = status == "success"
    return {
        "prompt": [1, "id", {}, {}, list(outputs)],
        "outputs": outputs,
        "status": {"status_str": status, "completed": completed, "messages": list(messages)},
    }


def failed(**error: Any) -> dict[str, Any]:
    return entry({}, "error", ["execution_start", {}], ["execution_error", error])


def names(outputs: dict[str, Any], order: str) -> list[str]:
    return [one.filename for one in Outcome(entry(outputs)).files(order.split())]


def test_outputs_come_in_the_workflows_order_whatever_the_order_of_running() -> None:
    outputs = {"9": {"images": [file("c"), file("d")]}, "2": {"images": [file("a"), file("b")]}}
    assert names(outputs, "2 5 9") == ["a", "b", "c", "d"]


def test_every_list_of_files_counts_whatever_its_key() -> None:
    outputs = {
        "1": {
            "images": [file("a.webp")],
            "animated": [True],
            "gifs": [{**file("b.gif"), "format": "image/gif"}],
            "audio": [file("c.flac", subfolder="audio")],
            "of_a_custom_node": [file("d.bin")],
            "text": ["hello"],
            "odd": "no list",
        }
    }
    assert names(outputs, "1") == ["a.webp", "b.gif", "c.flac", "d.bin"]


def test_previews_and_inputs_are_no_results() -> None:
    outputs = {
        "1": {"images": [file("p", "temp")]},
        "2": {"images": [file("a"), file("i", "input")]},
    }
    assert names(outputs, "1 2") == ["a"]


def test_previews_are_results_where_nothing_was_saved() -> None:
    assert names({"1": {"images": [file("p", "temp"), file("i", "input")]}}, "1") == ["p"]


def test_a_file_listed_twice_is_fetched_once() -> None:
    outputs = {"1": {"images": [file("a")], "gifs": [file("a")]}, "2": {"images": [file("a")]}}
    assert names(outputs, "1 2") == ["a"]
    outputs["2"]["images"] = [file("a", subfolder="other")]
    assert names(outputs, "1 2") == ["a", "a"]


def test_nodes_that_comfyui_made_come_last() -> None:
    outputs = {"5.0.1": {"images": [file("z")]}, "5": {"images": [file("a")]}}
    assert names(outputs, "5") == ["a", "z"]


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comfyui_history, "MAX_FILES", 2)
    with pytest.raises(RejectedTaskError, match="made 3 files; at most 2"):
        names({"1": {"images": [file("a"), file("b"), file("c")]}}, "1")


@pytest.mark.parametrize(
    "outputs",
    [
        {},
        {"1": {}},
        {"1": {"images": []}},
        {"1": {"images": [file("a", "input")], "animated": [True]}},
        {"1": {"result": [None, None, None]}},
        {"1": {"result": ["", {"position": 1}, None]}},
        {"1": {"result": ["/srv/x.glb", {"position": 1}, None]}},
    ],
)
def test_success_without_any_output_is_a_failure(outputs: dict[str, Any]) -> None:
    with pytest.raises(RejectedTaskError, match="without any output"):
        Outcome(entry(outputs)).check_success()


@pytest.mark.parametrize("key", ["text", "string", "result"])
def test_text_alone_is_a_success(key: str) -> None:
    outcome = Outcome(entry({"1": {key: ["hello"]}}))
    outcome.check_success()
    assert outcome.files(["1"]) == []


def test_a_failure_names_node_and_reason_in_one_bounded_line() -> None:
    error = {
        "node_id": "3",
        "node_type": "LoadImage",
        "exception_type": "PIL.UnidentifiedImageError",
        "exception_message": "cannot identify\nimage file " + "x" * 10_000,
    }
    with pytest.raises(RejectedTaskError) as raised:
        Outcome(failed(**error)).check_success()
    assert raised.value.error.code is TaskErrorCode.RUNTIME_FAILED
    message = raised.value.error.message
    assert message.startswith(
        "node 3 (LoadImage) failed: PIL.UnidentifiedImageError: cannot identify image file xx"
    )
    assert len(message) == MAX_ERROR_CHARACTERS


@pytest.mark.parametrize("messages", [(), (["execution_error", {"node_id": {}}],)])
def test_a_failure_that_nobody_knows_is_tried_twice_more(messages: tuple[Any, ...]) -> None:
    with pytest.raises(TransientError) as failed:
        Outcome(entry({"1": {"images": [file("a")]}}, "error", *messages)).check_success()
    assert failed.value.max_attempts == UNKNOWN_FAILURE_ATTEMPTS


def test_somebodys_interrupt_is_tried_again() -> None:
    odd = entry({}, "error", ["execution_interrupted", {"node_id": "3", "node_type": "KSampler"}])
    with pytest.raises(TransientError, match=r"by somebody at node 3 \(KSampler\)") as failed:
        Outcome(odd).check_success()
    assert failed.value.max_attempts is None


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("mesh/x.glb", ("x.glb", "mesh")),
        ("x.GLB", ("x.GLB", "")),
        ("a/b/网格.obj", ("网格.obj", "a/b")),
    ],
)
def test_the_mesh_that_a_node_shows_is_an_output(path: str, found: tuple[str, str]) -> None:
    outputs = {"7": {"result": [path, None, None]}, "8": {"images": [file("p", "temp")]}}
    (shown,) = Outcome(entry(outputs)).files(["8", "7"])
    assert (shown.filename, shown.subfolder, shown.type) == (*found, "output")


@pytest.mark.parametrize(
    "path",
    ["../x.glb", "/x.glb", "a/../../x.glb", "a\\x.glb", "just some text", "", None, 5, "x.html"],
)
def test_what_is_no_mesh_below_the_output_folder_is_not_fetched(path: object) -> None:
    outputs = {"7": {"result": [path, None, None]}, "8": {"images": [file("a")]}}
    assert names(outputs, "7 8") == ["a"]


def test_a_mesh_that_is_saved_and_shown_is_fetched_once() -> None:
    outputs = {"7": {"3d": [file("x.glb", subfolder="mesh")]}, "8": {"result": ["mesh/x.glb"]}}
    assert names(outputs, "8 7") == ["x.glb"]


def test_what_was_recorded_of_0_8_0_is_read() -> None:
    recorded = json.loads((CAPTURES / "comfy_0.8.0_jobs_uploads_prompts.json").read_text())
    [done] = recorded["history_completed"]["response"].values()
    outcome = Outcome(done)
    outcome.check_success()
    assert [one.filename for one in outcome.files(done["prompt"][2])] == [
        "r_00001_.png",
        "r_00002_.png",
    ]
    assert [one.type for one in outcome.listed()] == ["output", "output", "temp", "temp"]
    [broken] = recorded["history_failed_partial_outputs"]["response"].values()
    outcome = Outcome(broken)
    with pytest.raises(
        RejectedTaskError, match=r"node 5 \(ProbeFail\) failed: ValueError: the probe"
    ):
        outcome.check_success()
    assert [one.filename for one in outcome.files(broken["prompt"][2])] == ["r_00003_.png"]


def test_what_0_8_0_refuses_is_told() -> None:
    recorded = json.loads((CAPTURES / "comfy_0.8.0_jobs_uploads_prompts.json").read_text())
    told = {
        name: Refusal.model_validate(exchange["response"]).summary()
        for name, exchange in recorded.items()
        if name.startswith("prompt_") and isinstance(exchange["response"], dict)
    }
    assert told["prompt_missing_custom_node"].startswith(
        "Cannot execute because node IPAdapterAdvanced does not exist."
    )
    assert "nope.png" in told["prompt_partial_ok"]
    assert "77" in told["prompt_link_to_absent_node"]
    assert told["prompt_muted_node_mode"] == ""
    assert all(told[name] for name in told if name != "prompt_muted_node_mode")


def test_not_completed_is_no_success() -> None:
    odd = entry({"1": {"images": [file("a")]}})
    odd["status"]["completed"] = False
    with pytest.raises(TransientError):
        Outcome(odd).check_success()


def test_an_entry_that_is_none_is_tried_again() -> None:
    with pytest.raises(TransientError, match="cannot be read"):
        Outcome({"outputs": []})


def test_a_refusal_names_every_node_and_what_is_wrong_with_it() -> None:
    problem = {"type": "value_not_in_list", "message": "Value not in list", "details": "x: 'a'"}
    refusal = Refusal.model_validate(
        {
            "error": {"message": "Prompt outputs failed validation", "details": ""},
            "node_errors": {"4": {"errors": [problem], "class_type": "Loader"}},
        }
    )
    assert refusal.summary() == (
        "Prompt outputs failed validation; node 4 (Loader): Value not in list: x: 'a'"
    )


def test_older_servers_write_a_list_for_no_errors() -> None:
    assert Refusal.model_validate({"node_errors": []}).node_errors == {}
