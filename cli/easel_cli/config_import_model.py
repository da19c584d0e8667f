"""The `config.yaml` of the system that easel follows (R27 to R29), as far as easel knows it.

Every model keeps what it does not know: what an import cannot carry over is to be reported, not
dropped in silence.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


class _Section(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


def _is_filled_in(value: str) -> str:
    if "<" in value or "${" in value:
        raise ValueError(f"{value!r} is still a placeholder: fill it in")
    return value


_Text = Annotated[str, AfterValidator(_is_filled_in)]
_ImageTag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")]


class Image(_Section):
    """A container image."""

    repository: _Text | None = None
    tag: _ImageTag | None = None


class ImageHolder(_Section):
    """What has an image: the inference API or the queue agent."""

    image: Image = Image()


class Scaling(_Section):
    """KEDA's settings."""

    queue_length: int | None = Field(default=None, alias="queueLength", ge=1)
    min_replica_count: int | None = Field(default=None, alias="minReplicaCount", ge=0)
    max_replica_count: int | None = Field(default=None, alias="maxReplicaCount", ge=1)
    cooldown_period: int | None = Field(default=None, alias="cooldownPeriod", ge=0)


class RuntimeValues(_Section):
    """`extraValues.runtime`."""

    inference_api: ImageHolder = Field(default=ImageHolder(), alias="inferenceApi")
    queue_agent: ImageHolder = Field(default=ImageHolder(), alias="queueAgent")
    scaling: Scaling | None = None


class DataVolume(_Section):
    """The nodes' volume for images and pods."""

    volume_size: str | None = Field(default=None, alias="volumeSize")
    volume_type: str | None = Field(default=None, alias="volumeType")
    delete_on_termination: bool | None = Field(default=None, alias="deleteOnTermination")
    iops: int | None = None
    throughput: int | None = None
    snapshot_id: _Text | None = Field(default=None, alias="snapshotID")


class NodeTemplate(_Section):
    """`extraValues.karpenter.nodeTemplate`."""

    ami_family: str | None = Field(default=None, alias="amiFamily")
    data_volume: DataVolume = Field(default=DataVolume(), alias="dataVolume")


class CapacityType(_Section):
    """Which of the two ways to buy an instance may be used."""

    on_demand: bool = Field(default=True, alias="onDemand")
    spot: bool = True


class Provisioner(_Section):
    """`extraValues.karpenter.provisioner`."""

    instance_type: tuple[str, ...] = Field(default=(), alias="instanceType")
    capacity_type: CapacityType | None = Field(default=None, alias="capacityType")


class KarpenterValues(_Section):
    """`extraValues.karpenter`."""

    node_template: NodeTemplate = Field(default=NodeTemplate(), alias="nodeTemplate")
    provisioner: Provisioner = Provisioner()
    scaling: Scaling | None = None
    """At the wrong place, where one of the seed's samples has it."""


class ExtraValues(_Section):
    """Values of the ancestor's chart."""

    runtime: RuntimeValues = RuntimeValues()
    karpenter: KarpenterValues = KarpenterValues()
    scaling: Scaling | None = None
    """At the wrong place, too."""


class ModelsRuntime(_Section):
    """One runtime."""

    name: _Text
    namespace: _Text = "default"
    type: Literal["sdwebui", "comfyui"]
    model_filename: _Text | None = Field(default=None, alias="modelFilename")
    dynamic_model: bool = Field(default=False, alias="dynamicModel")
    chart_repository: _Text | None = Field(default=None, alias="chartRepository")
    chart_version: str | None = Field(default=None, alias="chartVersion")
    extra_values: ExtraValues = Field(default=ExtraValues(), alias="extraValues")


class Throttle(_Section):
    """Requests that one API key may send."""

    rate_limit: int | None = Field(default=None, alias="rateLimit", ge=1)
    burst_limit: int | None = Field(default=None, alias="burstLimit", ge=1)


class ApiGateway(_Section):
    """`APIGW`."""

    stage_name: str | None = Field(default=None, alias="stageName")
    throttle: Throttle = Throttle()


class AncestorConfig(_Section):
    """The whole file."""

    stack_name: _Text = Field(alias="stackName")
    model_bucket_arn: Annotated[
        str,
        AfterValidator(_is_filled_in),
        StringConstraints(pattern=r"^arn:aws(-cn)?:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"),
    ] = Field(alias="modelBucketArn")
    api_gateway: ApiGateway = Field(default=ApiGateway(), alias="APIGW")
    models_runtime: tuple[ModelsRuntime, ...] = Field(alias="modelsRuntime", min_length=1)


def unknown_settings(section: BaseModel, path: str = "") -> Iterator[str]:
    """Yields the paths of settings that no field of the models stands for.

    Args:
        section: what was read.
        path: where in the file it stands.
    """
    yield from (f"{path}{name}" for name in section.model_extra or {})
    for name, field in type(section).model_fields.items():
        below: Any = getattr(section, name)
        label = f"{path}{field.alias or name}"
        if isinstance(below, BaseModel):
            yield from unknown_settings(below, f"{label}.")
        elif isinstance(below, tuple):
            for index, one in enumerate(below):
                if isinstance(one, BaseModel):
                    yield from unknown_settings(one, f"{label}[{index}].")
