"""The function's settings, from its environment; Terraform (modules/api-fanout) writes them."""

from pydantic import Field, Json

from easel_http.settings import ApiSettings


class IntakeSettings(ApiSettings):
    """All settings of the intake function."""

    tasks_topic_arn: str = Field(min_length=1)
    task_retention_days: int = Field(default=30, ge=1, le=3650)
    callback_hosts: Json[frozenset[str]] = frozenset()
    """Hosts that a callback URL may name; none allows every public one."""
    tenant_prefixes: bool = False
    """Whether a task's prefix must begin with its tenant's name."""
