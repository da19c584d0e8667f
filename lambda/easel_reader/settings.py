"""The function's settings, from its environment; Terraform (modules/api-fanout) writes them."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, Json

from easel_contract.identifiers import CheckpointName, RuntimeName, TenantName
from easel_contract.task import RuntimeType

_ENVIRONMENT = {
    "EASEL_RECORDS_TABLE": "records_table",
    "EASEL_OUTPUT_BUCKET": "output_bucket",
    "EASEL_RUNTIMES": "runtimes",
    "EASEL_SHARED_TASKS": "shared_tasks",
    "EASEL_API_KEYS": "api_keys",
    "EASEL_NOTIFICATIONS_TOPIC_ARN": "notifications_topic_arn",
    "EASEL_PRESIGN_ROLE_ARN": "presign_role_arn",
    "EASEL_LOG_LEVEL": "log_level",
}


class ReadRuntime(BaseModel):
    """What the API tells of a runtime beside its tasks."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    type: RuntimeType
    model_filename: CheckpointName | None = None
    dynamic_model: bool = False


class ReaderSettings(BaseModel):
    """All settings of the reader function."""

    model_config = ConfigDict(frozen=True)

    records_table: str = Field(min_length=1)
    output_bucket: str = Field(min_length=1)
    runtimes: Json[dict[RuntimeName, ReadRuntime]]
    shared_tasks: bool = False
    api_keys: Json[dict[str, TenantName]]
    """Names of the API keys by their ids; empty where requests are signed."""
    notifications_topic_arn: str = Field(min_length=1)
    presign_role_arn: str = Field(min_length=1)
    """Role that links to outputs are signed with."""
    log_level: str = "INFO"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ReaderSettings":
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
