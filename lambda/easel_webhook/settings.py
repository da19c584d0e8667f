"""The function's settings, from its environment; Terraform (modules/api-fanout) writes them."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, Json

_ENVIRONMENT = {
    "EASEL_WEBHOOK_SECRET_ARN": "secret_arn",
    "EASEL_WEBHOOK_QUEUE_URL": "queue_url",
    "EASEL_WEBHOOK_DEAD_LETTER_QUEUE_URL": "dead_letter_queue_url",
    "EASEL_CALLBACK_HOSTS": "callback_hosts",
    "EASEL_CALLBACK_PRIVATE_HOSTS": "private_hosts",
    "EASEL_WEBHOOK_CA_FILE": "ca_file",
    "EASEL_LOG_LEVEL": "log_level",
}


class WebhookSettings(BaseModel):
    """All settings of the webhook function."""

    model_config = ConfigDict(frozen=True)

    secret_arn: str = Field(min_length=1)
    """Of the signing secret."""
    queue_url: str = Field(min_length=1)
    """Of the queue that the events come from."""
    dead_letter_queue_url: str = Field(min_length=1)
    callback_hosts: Json[frozenset[str]] = frozenset()
    """Hosts that callbacks may go to; none allows every public host."""
    private_hosts: Json[frozenset[str]] = frozenset()
    """Hosts that may be at an address which is not public."""
    ca_file: str | None = None
    """PEM file of the authorities to trust in place of the public ones: for tests."""
    log_level: str = "INFO"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Reads the `EASEL_*` variables.

        Raises:
            pydantic.ValidationError: one is missing or wrong.
        """
        return cls.model_validate(
            {
                field: environment[name]
                for name, field in _ENVIRONMENT.items()
                if name in environment
            }
        )
