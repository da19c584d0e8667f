"""The function's settings, from its environment; Terraform (modules/api-fanout) writes them."""

from pydantic import Field, Json

from easel_contract.environment import EnvironmentSettings


class WebhookSettings(EnvironmentSettings):
    """All settings of the webhook function."""

    webhook_secret_arn: str = Field(min_length=1)
    """Of the signing secret."""
    webhook_queue_url: str = Field(min_length=1)
    """Of the queue that the events come from."""
    webhook_dead_letter_queue_url: str = Field(min_length=1)
    callback_hosts: Json[frozenset[str]] = frozenset()
    """Hosts that callbacks may go to; none allows every public host."""
    callback_private_hosts: Json[frozenset[str]] = frozenset()
    """Hosts that may be at an address which is not public."""
    webhook_ca_file: str | None = None
    """PEM file of the authorities to trust in place of the public ones: for tests."""
