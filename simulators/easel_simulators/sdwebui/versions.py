"""What differs between the two versions of SD WebUI that the simulator answers as."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from easel_simulators.sdwebui.samplers import CorrectedSamplers, ListedSamplers


@dataclass(frozen=True)
class Version:
    """One version.

    Attributes:
        name: How a user chooses it.
        told: What ``info`` and infotexts say; the captured 1.8.0 was its release candidate.
        samplers: Makes its list of samplers.
    """

    name: str
    told: str
    samplers: Callable[[], ListedSamplers]

    @property
    def has_schedulers(self) -> bool:
        """Whether bodies have ``scheduler`` and ``hr_scheduler``, and the API ``/schedulers``."""
        return self.samplers is CorrectedSamplers


VERSIONS: Final = {
    "1.8.0": Version("1.8.0", "1.8.0-RC", ListedSamplers),
    "1.10.1": Version("1.10.1", "1.10.1", CorrectedSamplers),
}
DEFAULT_VERSION: Final = "1.10.1"


def version_of(name: str) -> Version:
    """The version of a name.

    Raises:
        ValueError: There is none of that name.
    """
    if name not in VERSIONS:
        raise ValueError(f"no version {name!r}; choose from {', '.join(VERSIONS)}")
    return VERSIONS[name]
