"""The public API's bodies: requests of both versions (R16, R17) and their answers (R18)."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from easel_contract.identifiers import CheckpointName, Prefix, TaskId
from easel_contract.task import TaskMetadata, TaskType
from easel_contract.uid import TaskUid

DEFAULT_PREFIX = "outputs"
"""Of a v1alpha1 request without `save_dir`, as in the seed's own image-to-image sample."""


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
    image_link: Annotated[str, Field(min_length=1, max_length=16_384)] | None = None
    """URLs of the pictures to start from, with commas between."""
    sd_vae: CheckpointName | None = None
    override_settings: dict[str, Any] = {}


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
