"""Replays every captured exchange with SD WebUI against the simulated one.

Status, headers, keys, JSON types and values must be those of the real server. Where a value may
differ, ``VALUES_MAY_DIFFER`` says so and why; keys and types may differ nowhere. Of the pictures,
cut in the captures, the first 60 bytes are compared: PNG header and beginning of the text chunk.
"""

import base64
import io
import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from easel_local.simulators.sdwebui import Behaviour, SimulatedSdWebui

from .captures import CAPTURES, CUT, differences

pytestmark = pytest.mark.integration

HEADERS = ("allow", "content-type")
FILES = sorted(CAPTURES.glob("a1111_*.json"))

VALUES_MAY_DIFFER = {
    "*": {
        "response.info.subseed": "chosen at random",
        "response.info.all_subseeds*": "chosen at random",
        "response.info.job_timestamp": "the time",
        "response.ram.*": "this machine's memory",
        "response.progress": "depends on the moment",
        "response.eta_relative": "depends on the moment",
        "response.state.*": "depends on the moment",
        "response.parameters.init_images*": "the test's own picture",
    },
    "empty_body": {
        "response.info.seed": "chosen at random",
        "response.info.all_seeds*": "chosen at random",
        "response.info.infotexts*": "tells the seed",
        "response.images*": "the text chunk's length depends on the seed",
    },
    "sd-models": {"response*filename": "where the captured server was installed"},
    "cmd-flags": {"response.*": "how the captured server was installed and started"},
}
"""Paths (fnmatch patterns) by the exchange's name, with the reason."""


def picture(infotext: str | None) -> str:
    """A picture of the size of the one in the captures, 96 x 64."""
    chunks = PngInfo()
    if infotext:
        chunks.add_text("parameters", infotext)
    buffer = io.BytesIO()
    gradient = Image.linear_gradient("L").resize((96, 64)).convert("RGB")
    gradient.save(buffer, "PNG", pnginfo=chunks)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def with_pictures(value: Any, infotext: str | None) -> Any:
    """The value with a real picture in place of every cut string."""
    if isinstance(value, dict):
        return {key: with_pictures(item, infotext) for key, item in value.items()}
    if isinstance(value, list):
        return [with_pictures(item, infotext) for item in value]
    if isinstance(value, str) and (cut := CUT.match(value)):
        return (cut["prefix"] or "") + picture(infotext)
    return value


def exchange_of(answer: requests.Response) -> dict[str, Any]:
    headers = {name: answer.headers[name] for name in HEADERS if name in answer.headers}
    return {"status": answer.status_code, "headers": headers, "response": parsed(answer.json())}


def parsed(response: Any) -> Any:
    """The response with the JSON string ``info`` parsed."""
    if isinstance(response, dict) and str(response.get("info", "")).startswith("{"):
        return {**response, "info": json.loads(response["info"])}
    return response


def send(url: str, request: dict[str, Any], infotext: str | None) -> requests.Response:
    data = request.get("body")
    if "json" in request:
        data = json.dumps(with_pictures(request["json"], infotext))
    return requests.request(
        request["method"],
        url + request["path"],
        data=data,
        headers={"Content-Type": "application/json"} if data is not None else {},
        timeout=30,
    )


def replay(url: str, name: str, captured: dict[str, Any]) -> Iterator[str]:
    """Send one exchange's request; tell what is not as captured."""
    expected = {**captured, "response": parsed(captured["response"])}
    request = expected.pop("request")
    infotext = captured["response"]["info"] if name == "png_info" else None
    ours = exchange_of(send(url, request, infotext))
    allowed = [*VALUES_MAY_DIFFER["*"], *VALUES_MAY_DIFFER.get(name, {})]
    for path, kind, what in differences(expected, ours, ""):
        if kind == "shape" or not any(fnmatchcase(path, f".{one}") for one in allowed):
            yield f"{name}: {path}: {what}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_answers_as_captured(file: Path) -> None:
    exchanges = json.loads(file.read_text("utf-8"))
    models = ("rand-sd15-a.safetensors", "rand-sd15-b.safetensors")
    with SimulatedSdWebui(Behaviour(models=models, hashing=False, web_ui=False)) as webui:
        found = [
            line
            for name, captured in exchanges.items()
            for line in replay(webui.url, name, captured)
        ]
    assert not found, "\n".join(found)


def test_all_captures_are_there() -> None:
    assert [file.stem for file in FILES] == [
        f"a1111_{name}"
        for name in ("concurrency", "errors", "generate", "get", "interrupt", "models")
    ]


@pytest.mark.parametrize(
    ("captured", "ours", "kind"),
    [
        ({"a": 1}, {"a": 1.0}, "shape"),
        ({"a": 1}, {"b": 1}, "shape"),
        ({"a": None}, {"a": 0}, "shape"),
        ([1], [1, 2], "shape"),
        ("iVBO...[99 chars]", "iVCOxx", "value"),
        ({"a": [{"b": "x"}]}, {"a": [{"b": "y"}]}, "value"),
    ],
)
def test_the_comparison_sees_a_difference(captured: Any, ours: Any, kind: str) -> None:
    assert kind in [found for _, found, _ in differences(captured, ours, "")]
