"""What is to be copied: an entry for each image and chart, wherever its name is from."""

from dataclasses import dataclass, field
from pathlib import Path

from easel_mirror.reference import DOCKER_HUB, Reference

GPU_PLATFORM = "linux/amd64"
"""Of GPU nodes: runtimes and queue agent (charts/sd-runtime takes no other instance types)."""


@dataclass(frozen=True)
class Wanted:
    """One image, chart or artifact.

    Attributes:
        name: for people.
        source: where it is; None: in an HTTP chart repository.
        copied_to: the target's repository.
        tag: at the target; None: it is stored under its digest alone.
        chart: repository, name and version of a chart without `source`.
        platform: that nodes need of it; None: no node runs it.
        whole: whether all its platforms are copied, whatever is asked for.
        app_version: what a chart must call its application.
        settings_key: as the environment's settings write it, where these name it.
        values_file: that names it, and that easel does not edit.
    """

    name: str
    source: Reference | None
    copied_to: str
    tag: str | None
    chart: tuple[str, str, str] | None = None
    platform: str | None = None
    whole: bool = False
    app_version: str | None = None
    settings_key: str | None = None
    values_file: Path | None = None

    @property
    def origin(self) -> str:
        """Where it is, for people."""
        if self.source is not None:
            return str(self.source)
        repository, name, version = self.chart or ("", "", "")
        return f"{repository} {name} {version}"


@dataclass(frozen=True)
class OwnImage:
    """An image that is in the target registry, or is to be pushed there by its builder.

    Attributes:
        name: for people.
        repository: of the target.
        wanted: tag or digest.
        platform: that nodes need of it.
    """

    name: str
    repository: str
    wanted: str
    platform: str = GPU_PLATFORM


@dataclass(frozen=True)
class WantedList:
    """All of it."""

    copies: tuple[Wanted, ...] = ()
    own_images: tuple[OwnImage, ...] = field(default=())


def copied_name(prefix: str, source: Reference) -> str:
    """Returns the target's repository of an image that no list names.

    The registry's name stays in it: two registries may have one name for two things.

    Args:
        prefix: of all copies.
        source: where it is.
    """
    host = source.host.replace(":", "-")
    if source.host == DOCKER_HUB:
        return f"{prefix}/{source.repository}"
    return f"{prefix}/{host}/{source.repository}".lower()
