"""A deployed stack, as `terraform output -json` describes it and from nothing else.

The same class serves envs/local and a stack on AWS: the demo, the tests and the status command
know no other way to find a queue or a topic.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from easel_contract.task import RuntimeType


class Authorization(StrEnum):
    """How a request to the API proves who sends it."""

    API_KEY = "API_KEY"
    AWS_IAM = "AWS_IAM"


class TargetRuntime(BaseModel):
    """One runtime of a deployed stack."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    type: RuntimeType
    model_filename: str | None = None
    dynamic_model: bool = False
    queue_url: str
    dead_letter_queue_url: str


class Target(BaseModel):
    """What a client of a stack needs to know of it."""

    model_config = ConfigDict(frozen=True)

    region: str
    endpoint: str
    """The API's URL without the version."""
    authorization: Authorization = Authorization.API_KEY
    api_key_id: str | None = Field(default=None, validate_default=True)
    """None where requests are signed."""
    output_bucket: str
    records_table: str
    """DynamoDB table of the tasks' records."""
    tasks_topic_arn: str
    notifications_topic_arn: str
    runtimes: dict[str, TargetRuntime]
    dashboard_name: str | None = None
    """In CloudWatch; None on a local stack, which has none."""
    aws_endpoint_url: str | None = None
    """Of the emulator; None on AWS."""
    aws_credentials_file: Path | None = None
    """With the emulator's access key; None on AWS."""

    @field_validator("api_key_id")
    @classmethod
    def _is_there_where_it_is_asked_for(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("authorization") is Authorization.API_KEY:
            raise ValueError("is required with authorization API_KEY")
        return value

    @property
    def known_api_key_id(self) -> str:
        """Id of the API key.

        Raises:
            ValueError: the stack has none, as its requests are signed.
        """
        if self.api_key_id is None:
            raise ValueError("this stack has no API key: its requests are signed (AWS_IAM)")
        return self.api_key_id

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, Mapping[str, Any]]) -> Self:
        """Reads `terraform output -json`.

        Raises:
            pydantic.ValidationError: an output is missing.
        """
        return cls.model_validate({name: output["value"] for name, output in outputs.items()})
