"""The `config.yaml` of the system that easel follows (R27 to R29), as far as easel knows it.

All versions of it, by github.com/aws-samples/stable-diffusion-on-eks: `config.yaml`, `examples/`
and lib/dataPlane.ts of 0.x (September 2023 to March 2024) and 1.x (to May 2024), config.schema.yaml
of 1.1. Every model keeps what it does not know: what an import cannot carry over is to be reported,
not dropped in silence.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

TYPES = ("sdwebui", "comfyui")
_NOT_OF_A_TYPE = re.compile(r"[^a-z0-9]")
_BUCKET_ARN = re.compile(r"arn:aws(-cn)?:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class _Section(BaseModel):
    # A version such as 1.1 is a number in YAML.
    model_config = ConfigDict(extra="allow", frozen=True, coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, value: Any) -> Any:
        # `snapshotID:` and a section whose lines are all comments are null in YAML.
        if not isinstance(value, dict):
            return value
        return {str(name): setting for name, setting in value.items() if setting is not None}


def _is_filled_in(value: str) -> str:
    if "<" in value or "${" in value:
        raise ValueError(f"{value!r} is still a placeholder: fill it in")
    return value


def plain_type(value: str) -> str:
    """Returns a runtime's type as 1.x and easel write it: 0.x wrote SDWebUI."""
    return _NOT_OF_A_TYPE.sub("", value.lower())


def _check_type(value: str) -> str:
    if plain_type(_is_filled_in(value)) not in TYPES:
        raise ValueError(f"{value!r} is no type; known: {', '.join(TYPES)}")
    return value


def _check_bucket_arn(value: str) -> str:
    if not value:
        raise ValueError("is empty: the ARN of the bucket that holds the models")
    if not _BUCKET_ARN.fullmatch(_is_filled_in(value)):
        raise ValueError(
            f"{value!r} is no bucket's ARN: arn:aws:s3:::<bucket>, or in China "
            "arn:aws-cn:s3:::<bucket>"
        )
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
    """Values of sd-on-eks's chart."""

    runtime: RuntimeValues | None = None
    sd_webui_inference_api: RuntimeValues | None = Field(default=None, alias="sdWebuiInferenceApi")
    """`runtime`, as it was called until February 2024."""
    karpenter: KarpenterValues = KarpenterValues()
    scaling: Scaling | None = None
    """At the wrong place, too."""


_Type = Annotated[str, AfterValidator(_check_type)]


class ModelsRuntime(_Section):
    """One runtime."""

    name: _Text
    namespace: _Text = "default"
    type: _Type | None = None
    """0.x had only SD WebUI, and no type, until the end of September 2023."""
    model_filename: _Text | None = Field(default=None, alias="modelFilename")
    dynamic_model: bool = Field(default=False, alias="dynamicModel")
    chart_repository: _Text | None = Field(default=None, alias="chartRepository")
    chart_version: str | None = Field(default=None, alias="chartVersion")
    extra_values: ExtraValues = Field(default=ExtraValues(), alias="extraValues")


class DynamicModelRuntime(_Section):
    """`dynamicModelRuntime` of 0.x: one more runtime, for checkpoints that no other one has."""

    enabled: bool = False

    @model_validator(mode="before")
    @classmethod
    def _nothing_else_unless_enabled(cls, value: Any) -> Any:
        # Its settings were of no account then, and often placeholders.
        if isinstance(value, dict) and value.get("enabled") in (None, False):
            return {"enabled": False}
        return value

    namespace: _Text = "default"
    type: _Type | None = None
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


class SdOnEksConfig(_Section):
    """The whole file."""

    stack_name: _Text | None = Field(default=None, alias="stackName")
    """Its own name for the stack, SdOnEks, until September 2023."""
    model_bucket_arn: Annotated[str, AfterValidator(_check_bucket_arn)] = Field(
        alias="modelBucketArn"
    )
    api_gateway: ApiGateway = Field(default=ApiGateway(), alias="APIGW")
    models_runtime: tuple[ModelsRuntime, ...] = Field(default=(), alias="modelsRuntime")
    dynamic_model_runtime: DynamicModelRuntime | None = Field(
        default=None, alias="dynamicModelRuntime"
    )


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
