"""Names of container images.

The grammar is that of https://github.com/distribution/reference, the reading of names without a
registry is easel's own: a repository in the account's ECR, as in terraform.tfvars.
"""

import re
from dataclasses import dataclass

from easel_snapshot.errors import SnapshotError

_HOST = (
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*"
)
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:(?P<registry>{_HOST}(?::\d{{1,5}})?)/)?(?P<repository>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_ECR = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?")
_LONGEST = 255
_DOCKER_HUB = "docker.io"


@dataclass(frozen=True)
class EcrRegistry:
    """A private registry of ECR.

    Attributes:
        account: twelve digits.
        region: such as cn-northwest-1.
    """

    account: str
    region: str

    @property
    def host(self) -> str:
        """Its name, which ends in .cn in China."""
        suffix = ".cn" if self.region.startswith("cn-") else ""
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com{suffix}"


@dataclass(frozen=True)
class ImageReference:
    """An image as pods and containerd call it.

    Attributes:
        registry: host, with a port where one was given.
        repository: path in it.
        tag: None where it is named by digest.
        digest: sha256:..., or None where it is named by tag.
    """

    registry: str
    repository: str
    tag: str | None
    digest: str | None

    def __str__(self) -> str:
        end = f"@{self.digest}" if self.digest else f":{self.tag}"
        return f"{self.registry}/{self.repository}{end}"

    @property
    def port(self) -> int | None:
        """The registry's, where its name has one."""
        port = self.registry.partition(":")[2]
        return int(port) if port else None

    @property
    def ecr(self) -> EcrRegistry | None:
        """The registry, where it is one of ECR."""
        found = _ECR.fullmatch(self.registry)
        return EcrRegistry(found[1], found[2]) if found else None


def parse_images(text: str, own: EcrRegistry) -> tuple[list[ImageReference], list[str]]:
    """Reads a list with commas; one that is named twice is taken once.

    Args:
        text: what the command line says.
        own: registry of names that have none.

    Returns:
        the images, and what is wrong with the other entries, a sentence each.
    """
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    found: dict[ImageReference, None] = {}
    wrong = []
    for entry in entries:
        try:
            found[parse_image(entry, own)] = None
        except SnapshotError as error:
            wrong.append(str(error))
    if not entries:
        wrong.append("no image was named: give REPOSITORY:TAG, several with commas between them")
    return list(found), wrong


def parse_image(text: str, own: EcrRegistry) -> ImageReference:
    """Reads one image.

    Args:
        text: [REGISTRY/]REPOSITORY with :TAG or @DIGEST.
        own: registry of names that have none.

    Raises:
        SnapshotError: it is none.
    """
    found = _REFERENCE.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise SnapshotError(
            f"{text[:_LONGEST]!r} is no image: it must be like easel/sd-webui:1.10.1, "
            "REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:..."
        )
    registry, repository = found["registry"], found["repository"]
    # As Docker does: without a dot or a port, the first part is a folder and no host.
    if registry and not re.search(r"[.:]", registry) and registry != "localhost":
        registry, repository = None, f"{registry}/{repository}"
    if bool(found["tag"]) == bool(found["digest"]):
        raise SnapshotError(
            f"{text!r} must have either a tag or a digest: pods look an image up by one name"
        )
    if registry == _DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return ImageReference(registry or own.host, repository, found["tag"], found["digest"])
