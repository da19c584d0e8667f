"""Replays the second captured session with ComfyUI 0.8.0: jobs, loaders and refused workflows."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from easel_simulators.comfyui import Behaviour, SimulatedComfyUi
from easel_simulators.faults import Fault

from .captures import CAPTURES
from .comfyui_captures import parsed, unlike
from .simulated_comfyui import Api, Workflow
from .simulated_runtime import DEADLINE_SECONDS

pytestmark = pytest.mark.integration

EXCHANGES: dict[str, dict[str, Any]] = json.loads(
    (CAPTURES / "comfy_0.8.0_jobs_uploads_prompts.json").read_text("utf-8")
)
UPLOADED = (
    "2a86b97d863a383d26892eebddf80b27.png",
    "a56a495c06fdde1b6bc625fa6553563a.gif",
    "example.png",
)
"""The files that the captured server had among its inputs."""

SLOWER_SECONDS = 0.2
"""How long the two jobs took that were there before: longer than those that were captured."""


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """The server as it was when the captured session began: two jobs had run."""
    slower = [Fault("slow", 2, SLOWER_SECONDS)]
    with SimulatedComfyUi(Behaviour(faults=slower)) as server:
        api = Api(server.url)
        for name in UPLOADED:
            api.upload(name.encode(), name)
        listed = EXCHANGES["api_jobs_list"]["response"]["jobs"][1]
        prefix = listed["preview_output"]["filename"].removesuffix("_00001_.png")
        api.run(saved("first"), prompt_id="first")
        api.run(saved(prefix), prompt_id=listed["id"])
        yield api


def saved(prefix: str) -> Workflow:
    """A picture of its own, saved by the node that the captured list names."""
    size = {"width": 64, "height": 64, "batch_size": 1, "color": len(prefix)}
    return {
        "1": {"class_type": "EmptyImage", "inputs": size},
        "3": {
            "class_type": "SaveImage",
            "inputs": {"images": ["1", 0], "filename_prefix": prefix},
        },
    }


def test_jobs_are_told_as_captured(api: Api) -> None:
    # The captures begin when the first job has ended, and the failed one comes after the lists.
    repeat(api, EXCHANGES["history_completed"])
    names = list(EXCHANGES)
    failed = names.index("api_jobs_failed")
    assert not list(differing(api, names[:failed]))
    repeat(api, EXCHANGES["history_failed_partial_outputs"])
    jobs = [name for name in names[failed:] if name.startswith(("api_jobs", "history"))]
    assert not list(differing(api, jobs))


def test_workflows_are_taken_and_refused_as_captured(api: Api) -> None:
    names = [name for name in EXCHANGES if name.startswith("prompt_")]
    assert len(names) == 9
    assert not list(differing(api, names))


@pytest.mark.parametrize("name", [one for one in EXCHANGES if one.startswith("object_info_")])
def test_loaders_are_described_as_captured(api: Api, name: str) -> None:
    assert not list(differing(api, [name]))


def test_every_exchange_belongs_to_a_test() -> None:
    begun = ("api_jobs", "history", "prompt_", "object_info_")
    assert all(name.startswith(begun) for name in EXCHANGES)


def repeat(api: Api, history: dict[str, Any]) -> None:
    """Send the workflow of an entry in the captured history, under its id."""
    ((prompt_id, entry),) = history["response"].items()
    _, _, workflow, extra_data, _ = entry["prompt"]
    api.run(workflow, prompt_id=prompt_id, client_id=extra_data["client_id"])


def differing(api: Api, names: list[str]) -> Iterator[str]:
    for name in names:
        captured = EXCHANGES[name]
        request = captured["request"]
        body = request.get("json")
        if body is not None and captured["status"] == 200:
            body = {**body, "prompt_id": captured["response"]["prompt_id"]}
        answer = requests.request(
            request["method"], api.url + request["path"], json=body, timeout=DEADLINE_SECONDS
        )
        ours = {"status": answer.status_code, "response": as_far_as_kept(name, parsed(answer))}
        expected = {key: captured[key] for key in ("status", "response")}
        yield from unlike(name, without_cut_lists(expected), without_cut_lists(ours))


def as_far_as_kept(name: str, answer: Any) -> Any:
    """Of a node class what the capture kept of it."""
    if not name.startswith("object_info_"):
        return answer
    return {
        one: {key: info[key] for key in ("input", "output_node")} for one, info in answer.items()
    }


def without_cut_lists(value: Any) -> Any:
    """The value with the formats of videos as the capture has them: cut."""
    if isinstance(value, dict):
        return {name: without_cut_lists(item) for name, item in value.items()}
    if isinstance(value, list):
        if len(value) == 2 and isinstance(value[1], dict) and "formats" in value[1]:
            return [["..."], value[1]]
        return [without_cut_lists(item) for item in value]
    return value
