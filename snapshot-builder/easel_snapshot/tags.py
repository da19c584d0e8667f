"""Tags: what a build has made, and what a snapshot holds.

EC2 takes 50 tags for a resource, 128 characters for a key and 256 for a value
(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions).
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from easel_snapshot.build_id import BuildId
from easel_snapshot.manifests import ResolvedImage

BUILD = "easel:snapshot-build"
STATE = "easel:snapshot-state"
KUBERNETES = "easel:kubernetes-version"
BOTTLEROCKET = "easel:bottlerocket-version"
ARCHITECTURE = "easel:architecture"
DATE = "easel:built-at"
IMAGE = "easel:image-"
DIGESTS = "easel:digests-"

BUILDING = "building"
COMPLETE = "complete"

MOST_IMAGES = 100
"""Of one snapshot: 20 named and 16 packed tags, and 8 of easel's own."""

MOST_OWN_TAGS = 6
"""What that leaves of 50 for a person's own."""

_VALUE_LENGTH = 256
_NAMED_IMAGES = 20
_DIGESTS_IN_A_TAG = 5
_BASE64_LENGTH = 43


@dataclass(frozen=True)
class TaggedImage:
    """An image of a snapshot, as its tags tell.

    Attributes:
        reference: None where there were too many, or it was too long, to keep more than the digest.
        digest: sha256:...
    """

    reference: str | None
    digest: str


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Returns tags as AWS's APIs want them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_map(tags: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    """Returns tags of an answer of AWS as a map."""
    return {str(tag["Key"]): str(tag["Value"]) for tag in tags or ()}


def build_tags(build: BuildId, more: Mapping[str, str]) -> dict[str, str]:
    """Returns the tags of everything that a build makes.

    Args:
        build: its id.
        more: a person's own, as --tag gives them; ours win.
    """
    ours = {
        "Name": f"easel-snapshot-{build.text}",
        "ManagedBy": "easel-snapshot",
        BUILD: build.text,
    }
    return {**more, **ours}


def image_tags(images: list[ResolvedImage]) -> dict[str, str]:
    """Returns the tags that tell which images a snapshot holds.

    Up to 20 images have a tag each, reference and digest; where one does not fit, and from the
    21st on, digests alone are packed, five to a tag. Digests are in base64url, 43 characters each.
    """
    found: dict[str, str] = {}
    packed: list[str] = []
    for image in images:
        short = _short(image.digest)
        value = f"{image.reference.registry}/{image.reference.repository}"
        value += f":{image.reference.tag}@{short}" if image.reference.tag else f"@{short}"
        if len(found) < _NAMED_IMAGES and len(value) <= _VALUE_LENGTH:
            found[f"{IMAGE}{len(found):02}"] = value
        else:
            packed.append(short)
    for number, begin in enumerate(range(0, len(packed), _DIGESTS_IN_A_TAG)):
        value = " ".join(packed[begin : begin + _DIGESTS_IN_A_TAG])
        found[f"{DIGESTS}{number:02}"] = value
    return found


def tagged_images(tags: Mapping[str, str]) -> list[TaggedImage]:
    """Reads what image_tags has written; what is not of that form is left out."""
    found = []
    for key, value in sorted(tags.items()):
        if key.startswith(IMAGE):
            reference, _, short = value.rpartition("@")
            if digest := _long(short):
                # Without a tag it was asked for by its digest.
                named = ":" in reference.rpartition("/")[2]
                found.append(TaggedImage(reference if named else f"{reference}@{digest}", digest))
        elif key.startswith(DIGESTS):
            digests = filter(None, map(_long, value.split()))
            found += [TaggedImage(None, digest) for digest in digests]
    return found


def _short(digest: str) -> str:
    raw = bytes.fromhex(digest.removeprefix("sha256:"))
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _long(short: str) -> str | None:
    if len(short) != _BASE64_LENGTH:
        return None
    try:
        return f"sha256:{base64.urlsafe_b64decode(short + '=').hex()}"
    except ValueError:
        return None
