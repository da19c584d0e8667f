"""What an image's manifests say: for which architectures it is, and how large.

Formats: https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md and image-index.md,
and Docker's of the same shape (schema 2).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from easel_snapshot.errors import SnapshotError
from easel_snapshot.image_reference import ImageReference

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
LARGEST_MANIFEST = 4 * 1024 * 1024
"""Bytes; what registries take at least (distribution-spec), and ECR at most."""

_OCI_NAMES = {"x86_64": "amd64", "arm64": "arm64"}
"""Architectures as EC2 calls them, and as images do (GOARCH)."""


class ImageSource(Protocol):
    """A registry, read only."""

    def manifest(self, image: ImageReference, name: str) -> bytes:
        """Returns a manifest as it is stored.

        Args:
            image: whose repository it is in.
            name: tag or digest.

        Raises:
            SnapshotError: there is none, or it cannot be had.
        """

    def blob(self, image: ImageReference, digest: str) -> bytes:
        """Returns a small blob: an image's configuration.

        Raises:
            SnapshotError: it cannot be had.
        """


@dataclass(frozen=True)
class ResolvedImage:
    """An image that is there.

    Attributes:
        reference: as it was asked for.
        digest: of what the reference leads to, an index or a manifest; containerd keeps this one.
        layers: compressed sizes in bytes by digest, of the one platform.
    """

    reference: ImageReference
    digest: str
    layers: Mapping[str, int]


def resolve(image: ImageReference, source: ImageSource, architecture: str) -> ResolvedImage:
    """Looks an image up.

    Args:
        image: to look for.
        source: the registry that it is in.
        architecture: x86_64 or arm64.

    Raises:
        SnapshotError: it is not there, is for another architecture, or is no image.
    """
    raw = source.manifest(image, image.digest or image.tag or "")
    digest = _digest(raw)
    if image.digest and image.digest != digest:
        raise SnapshotError(f"{image}: the registry answered with another manifest, {digest}")
    document = _object(image, raw)
    wanted = _OCI_NAMES[architecture]
    if "manifests" in document:
        chosen = _of_platform(image, document, wanted)
        raw = source.manifest(image, chosen)
        if _digest(raw) != chosen:
            raise SnapshotError(
                f"{image}: the registry answered with another manifest for {chosen}"
            )
        document = _object(image, raw)
    else:
        config = str(_descriptor(image, document.get("config"))["digest"])
        found = _object(image, source.blob(image, config)).get("architecture")
        if found != wanted:
            raise SnapshotError(
                f"{image} is for {found}, not for {wanted}: {_how_to_build(wanted)}"
            )
    layers = document.get("layers")
    if not isinstance(layers, list) or not layers:
        raise SnapshotError(f"{image} is no container image: its manifest has no layers")
    descriptors = [_descriptor(image, layer) for layer in layers]
    return ResolvedImage(
        image, digest, {str(one["digest"]): int(one["size"]) for one in descriptors}
    )


def _of_platform(image: ImageReference, index: dict[str, Any], wanted: str) -> str:
    there = []
    for entry in index["manifests"]:
        descriptor = _descriptor(image, entry)
        platform = descriptor.get("platform") or {}
        if (platform.get("os"), platform.get("architecture")) == ("linux", wanted):
            return str(descriptor["digest"])
        if platform.get("os") == "linux":  # provenance and SBOM are of an unknown system
            there.append(str(platform.get("architecture")))
    named = ", ".join(sorted(set(there))) or "no architecture"
    raise SnapshotError(f"{image} is for {named}, not for {wanted}: {_how_to_build(wanted)}")


def _how_to_build(wanted: str) -> str:
    return f"build or copy it with --platform linux/{wanted}"


def _object(image: ImageReference, raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise SnapshotError(f"{image}: the registry's answer is no JSON object")
    return found


def _descriptor(image: ImageReference, value: object) -> dict[str, Any]:
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("digest"), str)
        or not isinstance(value.get("size", 0), int)
        or value.get("size", 0) < 0
    ):
        raise SnapshotError(f"{image}: its manifest is not one of a container image")
    return {"size": 0, **value}


def _digest(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"
