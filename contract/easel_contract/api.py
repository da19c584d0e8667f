"""The public API's bodies: requests of both versions (R16, R17) and their answers (R18)."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from easel_contract.identifiers import CheckpointName, Prefix, TaskId
from easel_contract.task import TaskMetadata, TaskType
from easel_contract.uid import TaskUid

DEFAULT_PREFIX = "outputs"
"""Of a v1alpha1 request without `save_dir`, as in the seed's own image-to-image sample."""


def _none_if_empty(value: object) -> object:
    # What a form leaves empty says nothing.
    return None if value == "" else value


_ImageLink = Annotated[str, Field(min_length=1, max_length=16_384)]
_OptionalImageLink = Annotated[_ImageLink | None, BeforeValidator(_none_if_empty)]
_OptionalVae = Annotated[CheckpointName | None, BeforeValidator(_none_if_empty)]


class V1Alpha2Task(BaseModel):
    """`task` of a v1alpha2 request."""

    metadata: TaskMetadata
    content: dict[str, Any]


class V1Alpha2Request(BaseModel):
    """Body of `POST /v1alpha2`."""

    task: V1Alpha2Task


class V1Alpha1Routing(BaseModel):
    """`alwayson_scripts` of a v1alpha1 request: the task's metadata among SD WebUI's scripts."""

    model_config = ConfigDict(extra="allow")

    task: Literal[TaskType.TEXT_TO_IMAGE, TaskType.IMAGE_TO_IMAGE]
    id_task: TaskId
    sd_model_checkpoint: CheckpointName
    save_dir: Prefix = DEFAULT_PREFIX
    uid: Any = None
    """The sender's own user; taken and forgotten, as sd-on-eks did."""
    image_link: _OptionalImageLink = None
    """URLs of the pictures to start from, with commas between."""
    sd_vae: _OptionalVae = None
    override_settings: dict[str, Any] | None = None


class V1Alpha1Request(BaseModel):
    """Body of `POST /v1alpha1`: SD WebUI's own fields with `alwayson_scripts` among them."""

    model_config = ConfigDict(extra="allow")

    alwayson_scripts: V1Alpha1Routing


class V1Alpha2Accepted(BaseModel):
    """Answer to an accepted v1alpha2 request."""

    id_task: str
    uid: TaskUid
    runtime: str
    output_location: str


class V1Alpha1Accepted(BaseModel):
    """Answer to an accepted v1alpha1 request."""

    id_task: str
    uid: TaskUid
    sd_model_checkpoint: str
    output_location: str
