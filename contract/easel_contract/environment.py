"""Settings of a process, from its environment variables."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict

PREFIX = "EASEL_"


class EnvironmentSettings(BaseModel):
    """Settings, each of which is the environment variable `EASEL_<NAME>`."""

    model_config = ConfigDict(frozen=True)

    log_level: str = "INFO"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Reads the `EASEL_*` variables.

        Raises:
            pydantic.ValidationError: some are missing or wrong; it names all of them.
        """
        return cls.model_validate(
            {
                name: environment[PREFIX + name.upper()]
                for name in cls.model_fields
                if PREFIX + name.upper() in environment
            }
        )
