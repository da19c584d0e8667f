"""Replays every captured exchange with SD WebUI 1.8.0 against the simulated one.

Status, headers, keys, JSON types and values must be those of the real server. Where a value may
differ, ``VALUES_MAY_DIFFER`` says so and why; keys and types may differ nowhere. Of the pictures,
cut in the captures, the first 60 bytes are compared: PNG header and beginning of the text chunk.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from easel_simulators.sdwebui import Behaviour, SimulatedSdWebui

from .captures import CAPTURES, differences
from .sdwebui_replay import replay

pytestmark = pytest.mark.integration

FILES = sorted(CAPTURES.glob("a1111_[a-z]*.json"))

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


def may_differ(name: str) -> list[str]:
    return [*VALUES_MAY_DIFFER["*"], *VALUES_MAY_DIFFER.get(name, {})]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_answers_as_captured(file: Path) -> None:
    exchanges = json.loads(file.read_text("utf-8"))
    models = ("rand-sd15-a.safetensors", "rand-sd15-b.safetensors")
    behaviour = Behaviour(models=models, hashing=False, web_ui=False, version="1.8.0")
    with SimulatedSdWebui(behaviour) as webui:
        found = [
            line
            for name, captured in exchanges.items()
            for line in replay(webui.url, name, captured, may_differ(name))
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
