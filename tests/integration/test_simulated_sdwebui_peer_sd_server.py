"""Replays what was recorded of sd-server, a lenient peer of SD WebUI, against the simulated one."""

import json
from collections.abc import Iterator

import pytest
import requests

from easel_simulators.faults import Fault
from easel_simulators.sdwebui.sd_server import SdServerBehaviour, SimulatedSdServer

from .captures import CAPTURES
from .sdwebui_replay import replay, send
from .simulated_runtime import client_of, opened, small

pytestmark = pytest.mark.integration

PNG_HEADER_CHARACTERS = 44
"""Signature and IHDR, which tell width, height and mode: 33 bytes."""

EXCHANGES = {
    (file.stem, name): exchange
    for file in sorted(CAPTURES.glob("sdcpp_*.json"))
    for name, exchange in json.loads(file.read_text("utf-8")).items()
}
VALUES_MAY_DIFFER = {
    "*": {
        "response.parameters.init_images*": "the test's own picture",
        "response.images*": "the text chunk, whose length is among the first bytes, was not kept",
    },
    "not_json": {"response.message": "another parser's words"},
}


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedSdServer]:
    with SimulatedSdServer(SdServerBehaviour(model="rand-sd15-a.safetensors")) as one:
        yield one


@pytest.mark.parametrize(("file", "name"), [key for key in EXCHANGES if key[1] != "loras"])
def test_answers_as_recorded(server: SimulatedSdServer, file: str, name: str) -> None:
    allowed = [*VALUES_MAY_DIFFER["*"], *VALUES_MAY_DIFFER.get(name, {})]
    captured = EXCHANGES[file, name]
    found = list(replay(server.url, name, captured, allowed))
    assert not found, "\n".join(found)
    if "images" in captured["response"]:
        images = send(server.url, captured["request"]).json()["images"]
        beginnings = [image[:PNG_HEADER_CHARACTERS] for image in captured["response"]["images"]]
        assert [image[:PNG_HEADER_CHARACTERS] for image in images] == beginnings


def test_all_recordings_are_there() -> None:
    assert {file for file, _ in EXCHANGES} == {"sdcpp_errors", "sdcpp_generate", "sdcpp_get"}


def test_sizes_are_rounded_up_and_each_picture_has_a_seed(server: SimulatedSdServer) -> None:
    with client_of(server.url) as client:
        answer = client.generate(width=65, batch_size=2, n_iter=2)
    pictures = [opened(image) for image in answer["images"]]
    assert [picture.size for picture in pictures] == [(128, 64)] * 2
    seeds = [picture.info["parameters"].partition("Seed: ")[2][:2] for picture in pictures]
    assert seeds == ["1,", "2,"]


@pytest.mark.parametrize("path", ["progress", "interrupt", "options", "memory"])
def test_the_rest_is_a_404_with_an_empty_body(server: SimulatedSdServer, path: str) -> None:
    answer = requests.post(f"{server.url}/sdapi/v1/{path}", json={}, timeout=5)
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 100_000, 500),
        (b'{"prompt": "a", "width": 1e999}', 500),
        (b'{"prompt": "a", "seed": true}', 500),
        (b'{"prompt": "a", "width": 100000000}', 500),
        (b"[]", 400),
        (b"\xff", 500),
    ],
)
def test_bodies_are_bounded(server: SimulatedSdServer, body: bytes, status: int) -> None:
    answer = requests.post(f"{server.url}/sdapi/v1/txt2img", data=body, timeout=5)
    assert (answer.status_code, "error" in answer.json()) == (status, True)


def test_it_fails_on_demand() -> None:
    behaviour = SdServerBehaviour(faults=(Fault("out_of_memory"),))
    with SimulatedSdServer(behaviour) as server, client_of(server.url) as client:
        answer = client.post("/sdapi/v1/txt2img", small())
        assert (answer.status_code, answer.json()["error"]) == (500, "server_error")
        assert client.generate()["images"]
        assert server.stats()["jobs"] == 2
