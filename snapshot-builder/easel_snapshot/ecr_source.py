"""Images in ECR, by the caller's own rights."""

from collections.abc import Callable
from typing import Any

import requests
from botocore.exceptions import ClientError

from easel_snapshot.errors import SnapshotError
from easel_snapshot.image_reference import ImageReference
from easel_snapshot.manifests import INDEX_TYPES, LARGEST_MANIFEST, MANIFEST_TYPES

_TIMEOUT_SECONDS = 30


class EcrSource:
    """A registry of ECR, read by its API: that needs no Docker engine and no password."""

    def __init__(self, ecr_of: Callable[[str], Any], http: requests.Session | None = None) -> None:
        """Nothing is called yet.

        Args:
            ecr_of: makes the client of a region.
            http: fetches what ECR gives a presigned URL for.
        """
        self._ecr_of = ecr_of
        self._http = http or requests.Session()

    def manifest(self, image: ImageReference, name: str) -> bytes:
        """See ImageSource."""
        registry = image.ecr
        assert registry is not None  # noqa: S101 - whoever calls has looked
        key = "imageDigest" if name.startswith("sha256:") else "imageTag"
        try:
            answer = self._ecr_of(registry.region).batch_get_image(
                registryId=registry.account,
                repositoryName=image.repository,
                imageIds=[{key: name}],
                acceptedMediaTypes=[*INDEX_TYPES, *MANIFEST_TYPES],
            )
        except ClientError as error:
            raise SnapshotError(f"{image}: {_reason(error)}") from error
        if not answer.get("images"):
            what = "digest" if key == "imageDigest" else "tag"
            raise SnapshotError(f"{image}: the repository is there, the {what} {name} is not in it")
        return str(answer["images"][0]["imageManifest"]).encode()

    def blob(self, image: ImageReference, digest: str) -> bytes:
        """See ImageSource."""
        registry = image.ecr
        assert registry is not None  # noqa: S101 - whoever calls has looked
        try:
            answer = self._ecr_of(registry.region).get_download_url_for_layer(
                registryId=registry.account, repositoryName=image.repository, layerDigest=digest
            )
            response = self._http.get(answer["downloadUrl"], timeout=_TIMEOUT_SECONDS, stream=True)
            response.raise_for_status()
            return bytes(response.raw.read(LARGEST_MANIFEST, decode_content=True))
        except ClientError as error:
            raise SnapshotError(f"{image}: {_reason(error)}") from error
        except requests.RequestException as error:
            # Not the error's own words: they hold the presigned URL.
            kind = type(error).__name__
            raise SnapshotError(f"{image}: its configuration cannot be fetched ({kind})") from error


def _reason(error: ClientError) -> str:
    if error.response["Error"]["Code"] == "RepositoryNotFoundException":
        return "there is no such repository in ECR: make it, push the image, and try again"
    return str(error)
