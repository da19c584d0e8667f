"""Several clients of one simulated ComfyUI, and what they send beside their workflows."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from easel_simulators.comfyui import Behaviour, SimulatedComfyUi
from easel_simulators.faults import Fault

from .simulated_comfyui import Api, Workflow, empty_image, text_to_image, websocket
from .simulated_runtime import until

pytestmark = pytest.mark.integration

KEY = "comfyui-0123456789abcdef"
LONG_SECONDS = 60.0


@pytest.fixture
def api() -> Iterator[Api]:
    with SimulatedComfyUi() as server:
        yield Api(server.url)


@pytest.fixture
def busy() -> Iterator[Api]:
    """A server on which a person's job runs until it is interrupted."""
    with SimulatedComfyUi(Behaviour(faults=[Fault("slow", seconds=LONG_SECONDS)])) as server:
        api = Api(server.url)
        api.queue(text_to_image(), prompt_id="theirs", client_id="a person")
        until(lambda: api.running() == ["theirs"], "their job runs")
        yield api


def vectorized() -> Workflow:
    """A workflow with a node that needs an account at comfy.org."""
    size = {"width": 64, "height": 64, "batch_size": 1, "color": 1}
    return {
        "1": {"class_type": "EmptyImage", "inputs": size},
        "2": {"class_type": "RecraftVectorizeImageNode", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "SaveSVGNode", "inputs": {"svg": ["2", 0], "filename_prefix": "v"}},
    }


def test_another_clients_jobs_are_listed_and_go_first(busy: Api) -> None:
    busy.queue(empty_image(1), prompt_id="theirs too", client_id="a person")
    busy.queue(empty_image(2), prompt_id="ours", client_id="easel")
    queue = busy.get("/queue")
    assert [(job[1], job[3]["client_id"]) for job in queue["queue_running"]] == [
        ("theirs", "a person")
    ]
    assert [(job[1], job[3]["client_id"]) for job in queue["queue_pending"]] == [
        ("theirs too", "a person"),
        ("ours", "easel"),
    ]
    busy.post("/interrupt", {"prompt_id": "theirs"})
    busy.ended("ours")
    assert list(busy.get("/history")) == ["theirs", "theirs too", "ours"]


def test_an_interrupt_of_ones_own_waiting_job_leaves_anothers_alone(busy: Api) -> None:
    busy.queue(empty_image(2), prompt_id="ours", client_id="easel")
    busy.post("/interrupt", {"prompt_id": "ours"})
    busy.post("/queue", {"delete": ["ours"]})
    assert busy.get("/history/ours") == {}
    assert busy.get("/api/jobs/theirs")["status"] == "in_progress"
    assert busy.running() == ["theirs"]


def test_an_interrupt_without_an_id_hits_whoever_runs(busy: Api) -> None:
    busy.post("/interrupt")
    status = busy.ended("theirs")["status"]
    kind, data = status["messages"][-1]
    assert (status["status_str"], kind) == ("error", "execution_interrupted")
    assert (data["node_type"], sorted(data["executed"])) == ("KSampler", ["4", "5", "6", "7"])
    assert busy.get("/api/jobs/theirs")["status"] == "failed"
    assert "execution_error" not in busy.get("/api/jobs/theirs")


def test_a_client_is_told_of_its_own_jobs_only(api: Api) -> None:
    with websocket(api.url, "first") as first, websocket(api.url, "second") as second:
        api.run(empty_image(1), client_id="second")
        second.wait_for("executing", node=None)
        count = second.kinds().count("status")
        until(lambda: first.kinds().count("status") == count, "the first one hears of the queue")
        assert set(first.kinds()) == {"status"}


def test_a_key_reaches_the_node_that_declares_it(api: Api) -> None:
    entry = api.run(vectorized(), extra_data={"api_key_comfy_org": KEY})
    assert entry["outputs"]["3"]["images"][0]["filename"] == "v_00001_.svg"
    token = {"auth_token_comfy_org": KEY}
    changed = vectorized() | {"1": empty_image(2)["1"]}
    assert api.run(changed, extra_data=token)["status"]["completed"]


@pytest.mark.parametrize("extra", [{}, {"api_key_comfy_org": ""}, {"other": KEY}])
def test_without_a_key_such_a_node_fails(api: Api, extra: dict[str, str]) -> None:
    error = api.run(vectorized(), extra_data=extra)["status"]["messages"][-1][1]
    assert error["node_type"] == "RecraftVectorizeImageNode"
    assert error["exception_type"] == "Exception"
    assert error["exception_message"] == "Unauthorized: Please login first to use this node.\n"


def test_a_key_is_told_nobody(busy: Api) -> None:
    extra = {"api_key_comfy_org": KEY, "auth_token_comfy_org": KEY, "kept": "yes"}
    busy.queue(vectorized(), prompt_id="ours", extra_data=extra)
    told: list[Any] = [busy.get("/queue"), busy.get("/api/jobs/ours")]
    busy.post("/interrupt", {"prompt_id": "theirs"})
    entry = busy.ended("ours")
    told += [entry, busy.get("/api/jobs"), busy.get("/api/jobs/ours"), busy.get("/_sim/stats")]
    assert KEY not in json.dumps(told)
    assert len(entry["prompt"]) == 5
    assert entry["prompt"][3].keys() == {"kept", "client_id", "create_time"}


def test_a_failure_does_not_list_the_key_of_its_node(api: Api) -> None:
    shown = {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
    api.run({"1": vectorized()["1"], "2": shown})
    # The picture is there already: the fault hits the node with the key.
    api.post("/_sim/faults", {"kind": "two_devices"})
    entry = api.run(vectorized(), extra_data={"api_key_comfy_org": KEY})
    error = entry["status"]["messages"][-1][1]
    assert (error["node_type"], list(error["current_inputs"])) == (
        "RecraftVectorizeImageNode",
        ["image"],
    )
    assert KEY not in json.dumps(entry)


@pytest.mark.parametrize("extra", [None, "text", 5, ["list"]])
def test_extra_data_that_is_no_object_is_a_server_error(api: Api, extra: object) -> None:
    answer = api.post("/prompt", {"prompt": empty_image(1), "extra_data": extra})
    assert answer.status_code == 500
    assert api.idle()


def test_jobs_are_found_by_the_id_of_their_workflow(api: Api) -> None:
    extra = {"extra_pnginfo": {"workflow": {"id": "w-1"}}}
    api.run(empty_image(1), prompt_id="found", extra_data=extra)
    api.run(empty_image(2), prompt_id="other", extra_data={"extra_pnginfo": "text"})
    (job,) = api.get("/api/jobs", workflow_id="w-1")["jobs"]
    assert (job["id"], job["workflow_id"]) == ("found", "w-1")
    assert "workflow_id" not in api.get("/api/jobs/other")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"limit": "0"}, "limit must be a positive integer"),
        ({"limit": ""}, "limit must be an integer"),
        ({"offset": "x"}, "offset must be an integer"),
        ({"sort_order": "up"}, "sort_order must be 'asc' or 'desc'"),
    ],
)
def test_a_wrong_list_of_jobs_is_explained(api: Api, query: dict[str, str], says: str) -> None:
    answer = api.request("/api/jobs", **query)
    assert (answer.status_code, answer.json()) == (400, {"error": says})
