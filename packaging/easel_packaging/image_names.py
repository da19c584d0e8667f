"""What images can be built from this checkout, and how a target is named."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ImageRecipe:
    """An image that `make image` builds.

    Attributes:
        repository: its name below the account's registry, as terraform.tfvars has it.
        dockerfile: path from the checkout's root.
        context: folder that the build sees, likewise.
        tag: that is taken where none is said.
        is_sample: whether it is a sample of somebody else's program, with a licence of its own.
    """

    repository: str
    dockerfile: Path
    context: Path
    tag: str
    is_sample: bool = False


AGENT = "queue-agent"
RECIPES = {
    AGENT: ImageRecipe("easel/queue-agent", Path("agent/Dockerfile"), Path(), "0.1.0"),
    "sd-webui": ImageRecipe(
        "easel/sd-webui", Path("images/sdwebui/Dockerfile"), Path("images/sdwebui"), "1.10.1", True
    ),
    "comfyui": ImageRecipe(
        "easel/comfyui", Path("images/comfyui/Dockerfile"), Path("images/comfyui"), "0.8.2", True
    ),
}
"""By what a person calls them. tests/unit/test_images_are_built.py holds repositories and tags to
envs/ and the Dockerfiles."""

PLATFORMS = ("linux/amd64", "linux/arm64")
"""The first is that of GPU nodes, whatever machine builds."""

_REPOSITORY = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*(?:/[a-z0-9]+(?:[._-][a-z0-9]+)*)*")
"""https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html"""
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
"""https://github.com/opencontainers/distribution-spec: <reference> as a tag."""
_MAX_REPOSITORY = 256
_REGISTRY_ARGUMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?(?:/[a-z0-9._/-]*)?")


class NameRefusedError(Exception):
    """A name cannot be used; the message says which, and what it must be."""


def problems_of(repository: str, tag: str, registry: str) -> list[str]:
    """Returns what is wrong with names that a person has given.

    Args:
        repository: in the registry, without its name.
        tag: of the image.
        registry: what stands before the base image's name; empty: nothing.
    """
    problems = []
    if len(repository) > _MAX_REPOSITORY or not _REPOSITORY.fullmatch(repository):
        problems.append(
            f"{repository!r} is no repository: small letters and digits, with . _ - or / between "
            "them, such as easel/queue-agent, and without a registry's name"
        )
    if not _TAG.fullmatch(tag):
        problems.append(f"{tag!r} is no tag: up to 128 letters, digits, . _ - (no . or - in front)")
    elif tag == "latest":
        problems.append(
            "latest is no tag here: repositories are made with tags that never change, and nodes "
            "keep what they have pulled; name a version"
        )
    if registry and not (_REGISTRY_ARGUMENT.fullmatch(registry) and registry.endswith("/")):
        problems.append(
            f"{registry!r} cannot stand before an image's name: it ends in / and is such as "
            "<account>.dkr.ecr.<region>.amazonaws.com.cn/easel/"
        )
    return problems
