"""A deployed stack, as `terraform output -json` describes it and from nothing else.

The same class serves envs/local and a stack on AWS: the demo, the tests and the status command
know no other way to find a queue or a topic.
"""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from easel_contract.task import RuntimeType


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
    api_key_id: str
    output_bucket: str
    tasks_topic_arn: str
    notifications_topic_arn: str
    runtimes: dict[str, TargetRuntime]
    aws_endpoint_url: str | None = None
    """Of the emulator; None on AWS."""

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, Mapping[str, Any]]) -> Self:
        """Reads `terraform output -json`.

        Raises:
            pydantic.ValidationError: an output is missing.
        """
        return cls.model_validate({name: output["value"] for name, output in outputs.items()})
