"""The function's settings, from its environment; Terraform (modules/api-fanout) writes them."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, Json

from easel_contract.identifiers import CheckpointName, RuntimeName, TenantName
from easel_contract.task import RuntimeType

_ENVIRONMENT = {
    "EASEL_TASKS_TOPIC_ARN": "tasks_topic_arn",
    "EASEL_OUTPUT_BUCKET": "output_bucket",
    "EASEL_RUNTIMES": "runtimes",
    "EASEL_RECORDS_TABLE": "records_table",
    "EASEL_TASK_RETENTION_DAYS": "task_retention_days",
    "EASEL_SHARED_TASKS": "shared_tasks",
    "EASEL_API_KEYS": "api_keys",
    "EASEL_CALLBACK_HOSTS": "callback_hosts",
    "EASEL_LOG_LEVEL": "log_level",
}


class RuntimeSettings(BaseModel):
    """What the intake must know of a runtime to send it what it takes."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    type: RuntimeType
    model_filename: CheckpointName | None = None
    """The checkpoint it serves; v1alpha1 requests name it."""
    dynamic_model: bool = False
    """True where it loads whichever checkpoint a task names."""


class IntakeSettings(BaseModel):
    """All settings of the intake function."""

    model_config = ConfigDict(frozen=True)

    tasks_topic_arn: str = Field(min_length=1)
    output_bucket: str = Field(min_length=1)
    runtimes: Json[dict[RuntimeName, RuntimeSettings]]
    records_table: str = Field(min_length=1)
    task_retention_days: int = Field(default=30, ge=1, le=3650)
    shared_tasks: bool = False
    api_keys: Json[dict[str, TenantName]]
    """Names of the API keys by their ids; empty where requests are signed."""
    callback_hosts: Json[frozenset[str]] = frozenset()
    """Hosts that a callback URL may name; none allows every public one."""
    log_level: str = "INFO"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "IntakeSettings":
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
