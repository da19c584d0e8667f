"""Settings that the functions behind the API share."""

from pydantic import BaseModel, ConfigDict, Field, Json

from easel_contract.environment import EnvironmentSettings
from easel_contract.identifiers import CheckpointName, RuntimeName, TenantName
from easel_contract.task import RuntimeType


class RuntimeSettings(BaseModel):
    """What a function must know of a runtime."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    type: RuntimeType
    model_filename: CheckpointName | None = None
    """The checkpoint it serves; v1alpha1 requests name it."""
    dynamic_model: bool = False
    """True where it loads whichever checkpoint a task names."""


class ApiSettings(EnvironmentSettings):
    """What every function behind the API is told."""

    records_table: str = Field(min_length=1)
    output_bucket: str = Field(min_length=1)
    runtimes: Json[dict[RuntimeName, RuntimeSettings]]
    shared_tasks: bool = False
    api_keys: Json[dict[str, TenantName]]
    """Names of the API keys by their ids; empty where requests are signed."""
