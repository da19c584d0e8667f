"""What a snapshot's tags tell, within what EC2 takes; the ids of builds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from easel_snapshot.build_id import BuildId
from easel_snapshot.image_reference import EcrRegistry, parse_image
from easel_snapshot.manifests import ResolvedImage
from easel_snapshot.tags import (
    MOST_IMAGES,
    MOST_OWN_TAGS,
    build_tags,
    image_tags,
    tagged_images,
)

pytestmark = pytest.mark.unit

OWN = EcrRegistry("123456789012", "cn-northwest-1")
OF_THE_SNAPSHOT = 5
"""State, versions, architecture, date: snapshots.py."""


def resolved(number: int, repository: str = "easel/image") -> ResolvedImage:
    return ResolvedImage(
        parse_image(f"{repository}-{number}:1.0.{number}", OWN), f"sha256:{number:064x}", {}
    )


def test_two_images_are_read_back_with_their_names() -> None:
    images = [resolved(1), resolved(2)]
    found = tagged_images(image_tags(images))
    assert [(one.reference, one.digest) for one in found] == [
        (str(image.reference), image.digest) for image in images
    ]


def test_an_image_by_digest_is_read_back_so() -> None:
    digest = f"sha256:{7:064x}"
    image = ResolvedImage(parse_image(f"localhost:5000/a@{digest}", OWN), digest, {})
    (found,) = tagged_images(image_tags([image]))
    assert (found.reference, found.digest) == (str(image.reference), digest)


@given(
    st.integers(1, MOST_IMAGES),
    st.integers(1, 160),
)
def test_any_number_of_images_fits_and_every_digest_is_read_back(count: int, length: int) -> None:
    images = [resolved(number, "x" * length) for number in range(count)]
    tags = image_tags(images)
    assert {one.digest for one in tagged_images(tags)} == {image.digest for image in images}
    assert all(len(value) <= 256 and len(key) <= 128 for key, value in tags.items())
    own = {f"k{number}": "v" for number in range(MOST_OWN_TAGS)}
    build = BuildId.new(datetime.now(UTC), 60)
    assert len({**build_tags(build, own), **tags}) + OF_THE_SNAPSHOT <= 50


def test_a_persons_tags_do_not_hide_ours() -> None:
    build = BuildId.new(datetime.now(UTC), 60)
    tags = build_tags(build, {"easel:snapshot-build": "mine", "Team": "art"})
    assert (tags["easel:snapshot-build"], tags["Team"]) == (build.text, "art")


def test_what_others_have_written_is_left_out() -> None:
    assert tagged_images({"easel:image-00": "nonsense", "easel:digests-00": "a b"}) == []


def test_an_id_tells_when_its_build_is_over() -> None:
    now = datetime(2026, 11, 28, 18, 15, 0, tzinfo=UTC)
    build = BuildId.new(now, 45)
    read = BuildId.parse(build.text)
    assert read == build
    assert read.started == now
    assert read.expires == now + timedelta(minutes=45 + 30)
    assert BuildId.new(now, 45) != build
    assert len(f"easel-snapshot-{build.text}") <= 64


@pytest.mark.parametrize(
    "text", ["", "x", "20261128t181500z-060m-abcdeg", "20269928t181500z-060m-abcdef"]
)
def test_what_is_no_id_is_none(text: str) -> None:
    assert BuildId.parse(text) is None
