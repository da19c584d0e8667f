"""Keys as the seed documents them (R26)."""

import re

import pytest

from easel_contract.identifiers import check_prefix
from easel_contract.storage import TaskLocation, new_nonce, payload_key

pytestmark = pytest.mark.unit

_LOCATION = TaskLocation("outputbucket", "output", "test-t2i")


def test_keys_of_the_seeds_sample() -> None:
    assert _LOCATION.uri == "s3://outputbucket/output/test-t2i"
    assert _LOCATION.picture_key("abcd", 1, "png") == "output/test-t2i/test-t2i-abcd-1.png"
    assert _LOCATION.answer_key("abcd") == "output/test-t2i/test-t2i-abcd.out"
    assert _LOCATION.uri_of(_LOCATION.answer_key("abcd")) == (
        "s3://outputbucket/output/test-t2i/test-t2i-abcd.out"
    )


def test_nonces_are_four_characters_and_differ() -> None:
    nonces = {new_nonce() for _ in range(100)}
    assert len(nonces) > 90
    assert all(re.fullmatch("[a-z0-9]{4}", nonce) for nonce in nonces)


def test_no_prefix_reaches_the_folder_of_payloads() -> None:
    folder = payload_key("t").rpartition("/")[0]
    with pytest.raises(ValueError, match="segment"):
        check_prefix(folder)
