"""Names of images and charts in registries, as people write them.

The grammar is the distribution specification's, and the short forms are Docker's:
https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pulling-manifests and
https://github.com/distribution/reference (normalize.go).
"""

import re
from dataclasses import dataclass, replace

from easel_mirror.errors import RefusedError

DOCKER_HUB = "docker.io"

_HOST = re.compile(r"(?:[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*)(?::[0-9]{1,5})?")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LONGEST_REPOSITORY = 255
_LOOPBACK = re.compile(r"(localhost|127(?:\.[0-9]{1,3}){3})(:[0-9]+)?")


@dataclass(frozen=True)
class Reference:
    """An image or chart in a registry.

    Attributes:
        host: of the registry, with its port if it has one.
        repository: its path there.
        tag: None where only a digest was given.
        digest: None where only a tag was given.
    """

    host: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Reads `[HOST/]REPOSITORY[:TAG][@DIGEST]`; without a host Docker Hub is meant.

        Raises:
            RefusedError: it is no such name; or has neither tag nor digest, and `latest` would be a
                guess that changes from day to day.
        """
        name, _, digest = text.partition("@")
        if "@" in text and not is_digest(digest):
            raise RefusedError(f"{text}: a digest is sha256: and 64 hexadecimal digits")
        host, name = _split_host(name)
        repository, _, tag = name.partition(":")
        if not _HOST.fullmatch(host) or not is_repository(repository):
            raise RefusedError(f"{text} is no image's name, such as ghcr.io/owner/name:1.0")
        if not tag and not digest:
            raise RefusedError(f"{text} needs a tag or a digest: `latest` changes")
        if tag and not _TAG.fullmatch(tag):
            raise RefusedError(f"{text}: {tag!r} is no tag")
        if host == DOCKER_HUB and "/" not in repository:
            repository = f"library/{repository}"
        return cls(host, repository, tag or None, digest or None)

    @property
    def wanted(self) -> str:
        """What is asked for: the digest, where there is one, else the tag."""
        return self.digest or self.tag or ""

    def at(self, wanted: str) -> "Reference":
        """The same repository's manifest of that digest or tag."""
        if is_digest(wanted):
            return replace(self, tag=None, digest=wanted)
        return replace(self, tag=wanted, digest=None)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.host}/{self.repository}{tag}{digest}"


def is_digest(text: str) -> bool:
    """Whether a text is a SHA-256 digest, the only algorithm that registries must know."""
    return bool(_DIGEST.fullmatch(text))


def is_repository(text: str) -> bool:
    """Whether a text can be a repository's name."""
    return len(text) <= _LONGEST_REPOSITORY and bool(_REPOSITORY.fullmatch(text))


def is_loopback(host: str) -> bool:
    """Whether a host, with or without a port, is this machine, where plain HTTP is spoken."""
    return bool(_LOOPBACK.fullmatch(host))


def has_host(name: str) -> bool:
    """Whether an image's name begins with a registry's, as Docker and envs/*/tasks.tf tell it."""
    first, slash, _ = name.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def _split_host(name: str) -> tuple[str, str]:
    if not has_host(name):
        return DOCKER_HUB, name
    host, _, rest = name.partition("/")
    return ("docker.io" if host == "index.docker.io" else host), rest
