"""An answer of SD WebUI: which of its pictures is what, and whether it is what was asked for."""

import base64
import json
from typing import Any

import pytest

from easel_agent.errors import RejectedTaskError, TransientError
from easel_agent.runtimes.sdwebui.answer import Expected, collect
from easel_agent.runtimes.sdwebui.checkpoints import Checkpoint
from easel_agent.runtimes.sdwebui.samplers import Sampling

pytestmark = pytest.mark.unit

LAMP = Checkpoint(
    title="anime/lamp.safetensors [a2a2a2a2a2]", model_name="anime_lamp", hash="a2a2a2a2a2"
)


def answer(*names: str, **info: Any) -> bytes:
    """An answer with pictures that are their names, and an info."""
    images = [base64.b64encode(name.encode()).decode() for name in names]
    told = {"index_of_first_image": 0, "all_seeds": [1], "batch_size": 1} | info
    return json.dumps({"images": images, "parameters": {}, "info": json.dumps(told)}).encode()


def stored(body: bytes, expected: Expected) -> tuple[list[str], list[str] | None]:
    """Contents in the order in which they are stored, and what the answer says each is."""
    made = collect(body, expected)
    told = json.loads(made.answer)
    kinds = None
    if "easel" in told:
        files = told["easel"]["files"]
        assert [file["number"] for file in files] == list(range(1, len(files) + 1))
        kinds = [file["kind"] for file in files]
        told.pop("easel")
    assert told == json.loads(body)
    return [file.data.decode() for file in made.files], kinds


@pytest.mark.parametrize(
    ("names", "info", "expected", "order", "kinds"),
    [
        (["a"], {}, Expected(), ["a"], None),
        (
            ["a", "b"],
            {"batch_size": 2, "all_seeds": [1, 2]},
            Expected(batch_size=2),
            ["a", "b"],
            None,
        ),
        (
            ["grid", "a", "b"],
            {"index_of_first_image": 1, "all_seeds": [1, 2]},
            Expected(),
            ["a", "b", "grid"],
            ["picture", "picture", "grid"],
        ),
        (
            ["a", "mask", "composite"],
            {},
            Expected(masks=("mask", "mask_composite")),
            ["a", "mask", "composite"],
            ["picture", "mask", "mask_composite"],
        ),
        (
            ["a", "mask a", "b", "mask b"],
            {"all_seeds": [1, 2]},
            Expected(rounds=2, masks=("mask",)),
            ["a", "b", "mask a", "mask b"],
            ["picture", "picture", "mask", "mask"],
        ),
        (
            ["a", "canny"],
            {},
            Expected(),
            ["a", "canny"],
            ["picture", "extra"],
        ),
        (
            ["grid", "a", "b", "canny"],
            {"index_of_first_image": 1, "batch_size": 2, "all_seeds": [1, 2]},
            Expected(batch_size=2),
            ["a", "b", "grid", "canny"],
            ["picture", "picture", "grid", "extra"],
        ),
    ],
)
def test_what_was_asked_for_is_stored_first_and_the_rest_named(
    names: list[str],
    info: dict[str, Any],
    expected: Expected,
    order: list[str],
    kinds: list[str] | None,
) -> None:
    assert stored(answer(*names, **info), expected) == (order, kinds)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"html_info": "<p></p>", "images": []}', None),
        (b'{"html_info": "", "image": ""}', None),
        (answer(), Expected()),
        (b'{"images": [], "parameters": {}, "info": ""}', Expected()),
    ],
)
def test_an_answer_without_a_picture_is_no_success_and_is_kept(
    body: bytes, expected: Expected | None
) -> None:
    with pytest.raises(RejectedTaskError, match="made no picture") as refused:
        collect(body, expected)
    assert refused.value.answer == body


def test_fewer_pictures_than_asked_for_are_no_success() -> None:
    # As recorded of an interrupt in the first of three rounds (a1111_concurrency).
    body = answer("a", all_seeds=[1, 2, 3])
    with pytest.raises(TransientError, match="made 1 of 3 pictures") as failed:
        collect(body, Expected(rounds=3))
    assert failed.value.answer == body


def test_a_peer_that_tells_nothing_is_believed() -> None:
    body = json.dumps({"images": ["YQ=="], "info": "", "parameters": {}}).encode()
    assert stored(body, Expected(LAMP, Sampling("Euler"), rounds=2)) == (["a"], None)


@pytest.mark.parametrize(
    ("info", "is_right"),
    [
        ({"sd_model_name": "lamp", "sd_model_hash": "a2a2a2a2a2"}, True),
        ({"sd_model_name": "lamp", "sd_model_hash": None}, True),
        ({"sd_model_name": "anime_lamp"}, True),
        ({"sd_model_name": "base", "sd_model_hash": "a2a2a2a2a2"}, False),
        ({"sd_model_name": "lamp", "sd_model_hash": "b3b3b3b3b3"}, False),
        ({}, True),
    ],
)
def test_a_picture_of_another_checkpoint_is_no_success(
    info: dict[str, Any], is_right: bool
) -> None:
    body = answer("a", **info)
    if is_right:
        assert stored(body, Expected(LAMP)) == (["a"], None)
        return
    with pytest.raises(TransientError, match=r"not anime/lamp\.safetensors"):
        collect(body, Expected(LAMP))
    with pytest.raises(RejectedTaskError, match="infotext"):
        collect(body, Expected(LAMP, has_infotext=True))


@pytest.mark.parametrize(
    "info",
    [
        {"sampler_name": "DPM++ 2M"},
        {"sampler_name": "Euler", "extra_generation_params": {"Schedule type": "Exponential"}},
        {
            "sampler_name": "Euler",
            "infotexts": ["a\nSteps: 1, Sampler: Euler, Schedule type: Automatic, Seed: 1"],
        },
    ],
)
def test_a_sampler_or_scheduler_in_the_place_of_another_is_the_callers_mistake(
    info: dict[str, Any],
) -> None:
    sampling = Sampling("Euler", frozenset({"karras"}))
    with pytest.raises(RejectedTaskError, match="SD WebUI used s"):
        collect(answer("a", **info), Expected(sampling=sampling))


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"images": 3}', b'{"images": [1]}', b"\xff"])
def test_an_answer_that_cannot_be_read_is_tried_again_and_kept(body: bytes) -> None:
    with pytest.raises(TransientError, match="cannot be read") as failed:
        collect(body, None)
    assert failed.value.answer == body


def test_info_of_another_form_does_not_stop_a_picture() -> None:
    body = json.dumps({"images": ["YQ=="], "info": json.dumps({"all_seeds": "x"})}).encode()
    assert stored(body, Expected(LAMP)) == (["a"], None)
