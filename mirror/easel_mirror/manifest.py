"""Manifests: what of an image, chart or artifact there is to copy, and for which platform it is.

Formats: https://github.com/opencontainers/image-spec/blob/v1.1.0 (manifest.md, image-index.md) and
https://distribution.github.io/distribution/spec/manifest-v2-2/.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from easel_mirror.errors import RefusedError
from easel_mirror.reference import is_digest

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
ACCEPTED = f"{OCI_INDEX}, {DOCKER_LIST}, {OCI_MANIFEST}, {DOCKER_MANIFEST}"

IMAGE_CONFIGS = frozenset(
    {
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    }
)
_IMAGE_LAYERS = frozenset(
    {
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        # Attestations of BuildKit and cosign: documents in the form of an image.
        "application/vnd.in-toto+json",
        "application/vnd.dsse.envelope.v1+json",
    }
)
_ATTESTS = "vnd.docker.reference.digest"

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
"""What registries must take at least, by the distribution specification; ECR takes no more."""
MAX_BLOB_BYTES = 52_000 * 1024 * 1024
"""ECR's longest layer: docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html."""
_MAX_ENTRIES = 1000
_LONGEST_MEDIA_TYPE = 255


@dataclass(frozen=True)
class Descriptor:
    """What a manifest says of something that it names.

    Attributes:
        media_type: of the content.
        digest: of the content.
        size: of the content, in bytes.
        platform: such as linux/amd64; None: it is for none, or it is not said.
        attests: digest of the manifest that this one is an attestation of.
    """

    media_type: str
    digest: str
    size: int
    platform: str | None = None
    attests: str | None = None


@dataclass(frozen=True)
class Manifest:
    """A manifest or an index, as the bytes that its digest is of."""

    content: bytes
    media_type: str

    @classmethod
    def read(cls, content: bytes, content_type: str, source: str) -> "Manifest":
        """Checks the form of what a registry has answered.

        Args:
            content: the body, at most MAX_MANIFEST_BYTES.
            content_type: as the registry calls it.
            source: where it is from, for messages.

        Raises:
            RefusedError: it is of another type, or no whole manifest.
        """
        media_type = content_type.partition(";")[0].strip().lower()
        try:
            body = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise RefusedError(f"{source}: its manifest is no JSON") from error
        if not isinstance(body, dict):
            raise RefusedError(f"{source}: its manifest is no JSON object")
        declared = body.get("mediaType", media_type)
        # One text that is an index to one reader and an image to another: CVE-2021-41190.
        if declared != media_type or ("manifests" in body) == ("layers" in body):
            raise RefusedError(f"{source}: its manifest calls itself {declared}, and is no such")
        if media_type not in INDEXES | MANIFESTS:
            raise RefusedError(
                f"{source}: its manifest is of the unknown type {media_type!r}; known are those of "
                "OCI and Docker's schema 2. An image of before 2017 has to be built or pushed anew."
            )
        if media_type in INDEXES and "layers" in body:
            raise RefusedError(f"{source}: its index has layers")
        manifest = cls(content, media_type)
        manifest.check(source)
        return manifest

    @cached_property
    def digest(self) -> str:
        """`sha256:...` of the content."""
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"

    @cached_property
    def body(self) -> dict[str, Any]:
        """The content, read."""
        read: dict[str, Any] = json.loads(self.content)
        return read

    @property
    def is_index(self) -> bool:
        """Whether it names manifests, not blobs."""
        return self.media_type in INDEXES

    @property
    def is_image(self) -> bool:
        """Whether a container can be made of it; charts and other artifacts are none."""
        return not self.is_index and self.config.media_type in IMAGE_CONFIGS

    @cached_property
    def children(self) -> tuple[Descriptor, ...]:
        """An index's manifests."""
        return tuple(_descriptor(one) for one in self.body.get("manifests", ()))

    @cached_property
    def config(self) -> Descriptor:
        """A manifest's configuration."""
        return _descriptor(self.body.get("config"))

    @cached_property
    def layers(self) -> tuple[Descriptor, ...]:
        """A manifest's layers."""
        return tuple(_descriptor(one) for one in self.body.get("layers", ()))

    @cached_property
    def blobs(self) -> tuple[Descriptor, ...]:
        """A manifest's configuration and layers, each once."""
        if self.is_index:
            return ()
        return tuple({one.digest: one for one in (self.config, *self.layers)}.values())

    def check(self, source: str) -> None:
        """Looks at everything that it names.

        Raises:
            RefusedError: something of it cannot be copied.
        """
        entries = self.body.get("manifests", self.body.get("layers"))
        if not isinstance(entries, list) or len(entries) > _MAX_ENTRIES:
            raise RefusedError(f"{source}: its manifest names nothing, or over {_MAX_ENTRIES}")
        try:
            _ = (*self.children, *self.blobs)
        except RefusedError as error:
            raise RefusedError(f"{source}: {error}") from error
        unknown = {one.media_type for one in self.children} - INDEXES - MANIFESTS
        if self.is_image:
            unknown |= {one.media_type for one in self.layers} - _IMAGE_LAYERS
        if unknown:
            raise RefusedError(
                f"{source}: has parts of the types {', '.join(sorted(unknown))}, which no node "
                "could use, or nobody may pass on (layers of Windows)"
            )

    def only(self, platforms: frozenset[str]) -> "Manifest":
        """An index of some platforms; their manifests stay as they are.

        Args:
            platforms: such as {"linux/amd64"}.
        """
        kept = {one.digest for one in self.children if one.platform in platforms}
        kept |= {one.digest for one in self.children if one.attests in kept}
        body = dict(self.body)
        body["manifests"] = [one for one in body["manifests"] if one["digest"] in kept]
        return Manifest(json.dumps(body, separators=(",", ":")).encode(), self.media_type)


def platform_of(described: Any) -> str | None:
    """Reads OS and architecture of an image's configuration, or of an index's entry.

    Returns:
        `os/architecture` (and `/variant`, but for arm64's v8, which is the only one); None for what
        is for no platform, as attestations are.
    """
    if not isinstance(described, dict):
        return None
    os, architecture = described.get("os"), described.get("architecture")
    if (
        not isinstance(os, str)
        or not isinstance(architecture, str)
        or "unknown" in (os, architecture)
    ):
        return None
    variant = described.get("variant")
    if not variant or (architecture, variant) == ("arm64", "v8"):
        return f"{os}/{architecture}"
    return f"{os}/{architecture}/{variant}"


def _descriptor(read: Any) -> Descriptor:
    if not isinstance(read, dict):
        raise RefusedError("its manifest lacks a descriptor")
    media_type, digest, size = read.get("mediaType"), read.get("digest"), read.get("size")
    if not isinstance(media_type, str) or not 0 < len(media_type) <= _LONGEST_MEDIA_TYPE:
        raise RefusedError("a part of it has no media type")
    if not isinstance(digest, str) or not is_digest(digest):
        raise RefusedError(f"a part of it has the digest {str(digest)[:80]!r}, which is no SHA-256")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_BLOB_BYTES:
        raise RefusedError(
            f"{digest} is to have {str(size)[:40]} bytes; ECR takes at most {MAX_BLOB_BYTES}"
        )
    annotations = read.get("annotations")
    attests = annotations.get(_ATTESTS) if isinstance(annotations, dict) else None
    return Descriptor(media_type, digest, size, platform_of(read.get("platform")), attests)
