"""What becomes part of an S3 key is checked once and used as it is (R18, R26)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from easel_contract.identifiers import check_checkpoint, check_prefix, check_task_id

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("task_id", ["a", "test-t2i", "A.b_c-1", "9" * 128])
def test_good_ids_stay_as_they_are(task_id: str) -> None:
    assert check_task_id(task_id) == task_id


@pytest.mark.parametrize(
    "task_id",
    ["", ".", "..", "-a", "_a", "a/b", "a b", "a\n", "ä", "a" * 129, "a\x00", "../../x", "a%2fb"],
)
def test_bad_ids_are_refused(task_id: str) -> None:
    with pytest.raises(ValueError, match="128 letters"):
        check_task_id(task_id)


@pytest.mark.parametrize(
    ("prefix", "kept"),
    [
        ("output", "output"),
        ("output/", "output"),
        ("teams/red/2026", "teams/red/2026"),
        ("/".join("abcdefgh"), "/".join("abcdefgh")),
    ],
)
def test_good_prefixes_lose_only_a_trailing_slash(prefix: str, kept: str) -> None:
    assert check_prefix(prefix) == kept


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "/",
        "/a",
        "a//b",
        "a/../b",
        "..",
        "a/./b",
        "a//",
        "/".join("abcdefghi"),
        "_easel/payloads",
    ],
)
def test_bad_prefixes_are_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="segment"):
        check_prefix(prefix)


@given(st.text())
def test_an_accepted_prefix_cannot_leave_its_folder(prefix: str) -> None:
    try:
        kept = check_prefix(prefix)
    except ValueError:
        return
    assert not kept.startswith("/")
    assert not any(segment in ("", ".", "..") for segment in kept.split("/"))


@pytest.mark.parametrize("name", ["v1-5-pruned-emaonly.safetensors", "模型 [abc].ckpt", "a/b.ckpt"])
def test_checkpoints_are_free_text(name: str) -> None:
    assert check_checkpoint(name) == name


@pytest.mark.parametrize("name", ["", "a\n", "a" * 256])
def test_checkpoints_are_bounded(name: str) -> None:
    with pytest.raises(ValueError, match="255 characters"):
        check_checkpoint(name)
