"""The names that the ComfyUI adapter gives a workflow's files."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from easel_agent.runtimes.comfyui.names import NONCE_INPUT, folders_of, with_nonce

pytestmark = pytest.mark.unit

NONCE = "0123456789ab"
ENDINGS = ("_00001_.png", "_00001-audio.webm", "_00001_.safetensors", "_100000_.safetensors.part")


def node(class_type: str = "SaveImage", **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def marked(prefix: str, nonce: str = NONCE) -> str:
    workflow = {"1": node(filename_prefix=prefix, images=["2", 0]), "2": node("EmptyImage")}
    changed = with_nonce(workflow, nonce)
    assert workflow["1"]["inputs"]["filename_prefix"] == prefix
    assert changed["1"]["inputs"].keys() == {"filename_prefix", "images"}
    return str(changed["1"]["inputs"]["filename_prefix"])


@pytest.mark.parametrize(
    ("prefix", "becomes"),
    [
        ("ComfyUI", "n_ComfyUI"),
        ("a/b", "a/n_b"),
        ("a/b/", "a/b/n_"),
        ("", "n_"),
        ("../b", "../n_b"),
        ("/tmp/b", "/tmp/n_b"),
        ("a..b/c", "a..b/n_c"),
        ("lamp... take 2", "n_lamp_ take 2"),
        ("the end...", "n_the end_"),
        ("the end. ", "n_the end"),
        ("夏天/🐶", "夏天/n_🐶"),
        ("%year%-%month%/%width%x%height%", "%year%-%month%/n_%width%x%height%"),
        ("v1.5", "n_v1.5"),
        ("lamp\ntwo\tthree\x7f\x00", "n_lamp_two_three__"),
        ("a\ud800\udc36b", "n_a__b"),
    ],
)
def test_the_nonce_goes_before_the_name_and_behind_the_subfolders(
    prefix: str, becomes: str
) -> None:
    assert marked(prefix, "n") == becomes


@given(st.text(max_size=400), st.text(max_size=300))
def test_any_name_fits_a_file_system_and_the_view_with_every_ending(name: str, folder: str) -> None:
    prefix = f"{folder}/{name}" if folder else name
    *folders, last = marked(prefix).split("/")
    assert last.startswith(f"{NONCE}_")
    assert ".." not in last + ENDINGS[0]
    for ending in ENDINGS:
        assert len((last + ending).encode()) <= 255
    assert all(len(part.encode()) <= 255 for part in folders)


@pytest.mark.parametrize("letter", ["a", "ä", "夏", "🐶"])
def test_a_long_name_is_cut_between_characters(letter: str) -> None:
    own = marked(letter * 300).removeprefix(f"{NONCE}_")
    assert set(own) == {letter}
    room = 255 - 40 - 13
    assert room - len(letter.encode()) < len(own.encode()) <= room


def test_no_placeholder_is_cut() -> None:
    assert marked("a" * 198 + "%KSampler.seed%") == f"{NONCE}_" + "a" * 198
    assert marked("%year%" + "a" * 300).startswith(f"{NONCE}_%year%aaa")


def test_a_node_whose_prefix_comes_from_another_runs_again() -> None:
    workflow = {
        "1": node(filename_prefix=["2", 0], images=["3", 0]),
        "2": node("PrimitiveString", value="x"),
        "3": node("EmptyImage", width=64),
    }
    changed = with_nonce(workflow, NONCE)
    assert changed["1"]["inputs"] == {**workflow["1"]["inputs"], NONCE_INPUT: NONCE}
    assert (changed["2"], changed["3"]) == (workflow["2"], workflow["3"])


def test_a_preview_runs_again_and_what_it_shows_does_not() -> None:
    workflow = {"1": node("PreviewImage", images=["2", 0]), "2": node("EmptyImage", width=64)}
    changed = with_nonce(workflow, NONCE)
    assert changed["1"]["inputs"][NONCE_INPUT] == NONCE
    assert changed["2"] == workflow["2"]


def test_folders_are_those_of_plain_prefixes() -> None:
    prefixes = ["a/b", "c", "d/e/f", "%year%/x", "", "/x", ["2", 0]]
    workflow = {str(at): node(filename_prefix=one) for at, one in enumerate(prefixes)}
    assert folders_of(workflow) == {"a", "d/e"}
