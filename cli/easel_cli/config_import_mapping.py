"""Says the ancestor's configuration in easel's words: Terraform variables and chart values."""

import re
from dataclasses import dataclass, field
from typing import Any

from easel_cli.config_import_model import (
    AncestorConfig,
    DataVolume,
    ModelsRuntime,
    Scaling,
    unknown_settings,
)

_NAME = re.compile(r"[^a-z0-9-]+")
_MAX_STACK_NAME = 24
_MAX_RUNTIME_NAME = 32
_CHART_NAME = "sd-runtime"


@dataclass
class Imported:
    """What an import yields."""

    variables: dict[str, Any]
    """Terraform variables of an environment."""
    values: dict[str, dict[str, Any]]
    """Values of charts/sd-runtime for each runtime, beside what Terraform renders."""
    changed: list[str] = field(default_factory=list)
    """What says something else than before, and why."""
    not_carried: list[str] = field(default_factory=list)
    """What easel has no place for."""


class ImportRefusedError(Exception):
    """The configuration contradicts itself; the message names every problem."""


def convert(config: AncestorConfig) -> Imported:
    """Returns a configuration in easel's words.

    Raises:
        ImportRefusedError: runtimes share a name or a model, or none of their nodes may be bought.
    """
    _check(config)
    result = Imported(variables={}, values={})
    result.variables = {
        "name": _name(config.stack_name, _MAX_STACK_NAME, "stackName", result),
        "model_bucket_arn": config.model_bucket_arn,
        "runtimes": {},
    }
    if config.api_gateway.stage_name:
        result.variables["stage_name"] = config.api_gateway.stage_name
    throttle = config.api_gateway.throttle
    if limits := _given(
        rate_limit_per_second=throttle.rate_limit, burst_limit=throttle.burst_limit
    ):
        result.variables["throttle"] = limits
    for index, runtime in enumerate(config.models_runtime):
        path = f"modelsRuntime[{index}]"
        name = _name(runtime.name, _MAX_RUNTIME_NAME, f"{path}.name", result)
        result.variables["runtimes"][name] = _runtime_variables(runtime, name, path, result)
        result.values[name] = _runtime_values(config, runtime, path, result)
    result.not_carried += unknown_settings(config)
    return result


def _check(config: AncestorConfig) -> None:
    problems = []
    for label, values in (
        ("name", [one.name for one in config.models_runtime]),
        ("modelFilename", [one.model_filename for one in config.models_runtime]),
    ):
        twice = sorted({one for one in values if one and values.count(one) > 1})
        problems += [f"modelsRuntime: two runtimes have the {label} {one}" for one in twice]
    for index, runtime in enumerate(config.models_runtime):
        bought = runtime.extra_values.karpenter.provisioner.capacity_type
        if bought and not (bought.spot or bought.on_demand):
            problems.append(
                f"modelsRuntime[{index}].extraValues.karpenter.provisioner.capacityType: "
                "onDemand or spot must be true"
            )
    if problems:
        raise ImportRefusedError("\n".join(problems))


def _name(name: str, longest: int, path: str, result: Imported) -> str:
    fitting = _NAME.sub("-", name.lower()).strip("-")[:longest].rstrip("-")
    if not fitting or (longest == _MAX_STACK_NAME and not fitting[0].isalpha()):
        raise ImportRefusedError(
            f"{path}: {name!r} cannot be made a name: begin it with a letter a to z"
        )
    if fitting != name:
        result.changed.append(
            f"{path}: {name} becomes {fitting}: names are up to {longest} lower-case letters, "
            "digits and hyphens"
        )
    return fitting


def _runtime_variables(
    runtime: ModelsRuntime, name: str, path: str, result: Imported
) -> dict[str, Any]:
    variables = {
        "type": runtime.type,
        "namespace": runtime.namespace,
        "dynamic_model": runtime.dynamic_model,
        "values_file": f"values/{name}.yaml",
    }
    if runtime.model_filename:
        variables["model_filename"] = runtime.model_filename
    if runtime.type == "comfyui" and runtime.dynamic_model:
        variables["dynamic_model"] = False
        result.changed.append(
            f"{path}.dynamicModel: becomes false: a ComfyUI workflow names its own checkpoints"
        )
    if runtime.chart_repository:
        variables["chart"] = {"repository": _chart(runtime.chart_repository, path, result)}
    if runtime.chart_version:
        result.not_carried.append(
            f"{path}.chartVersion: {runtime.chart_version} is a version of the ancestor's chart; "
            "without one easel takes its own"
        )
    return variables


def _chart(repository: str, path: str, result: Imported) -> str:
    # An OCI reference ends in the chart's name, an HTTP repository does not.
    scheme, _, rest = repository.partition("://")
    if scheme not in {"oci", "http", "https"}:
        raise ImportRefusedError(
            f"{path}.chartRepository: {repository!r} must begin with oci://, https:// or http://"
        )
    if scheme != "oci":
        result.changed.append(
            f"{path}.chartRepository: put easel's chart there before you deploy: make chart-index"
        )
        return repository
    folder = rest.rstrip("/").rpartition("/")[0]
    ours = f"oci://{folder}/{_CHART_NAME}"
    result.changed.append(
        f"{path}.chartRepository: becomes {ours}; push easel's chart there before you deploy: "
        f"make chart-push REGISTRY=oci://{folder}"
    )
    return ours


def _runtime_values(
    config: AncestorConfig, runtime: ModelsRuntime, path: str, result: Imported
) -> dict[str, Any]:
    extra = runtime.extra_values
    images = {
        "runtime": ("inferenceApi", extra.runtime.inference_api.image),
        "agent": ("queueAgent", extra.runtime.queue_agent.image),
    }
    values: dict[str, Any] = {}
    for ours, (theirs, image) in images.items():
        given = _given(repository=image.repository, tag=image.tag)
        if given:
            values[ours] = {"image": given}
        if image.tag == "latest":
            result.changed.append(
                f"{path}.extraValues.runtime.{theirs}.image.tag: latest is kept, but moves: "
                "nodes with an image cache keep the image they were made with; name a version"
            )
    if scaling := _scaling(runtime, path, result):
        values["scaling"] = scaling
    if nodes := _nodes(runtime, path, result):
        values["nodes"] = nodes
    values["models"] = {"s3": {"bucket": config.model_bucket_arn.rpartition(":")[2]}}
    return values


def _scaling(runtime: ModelsRuntime, path: str, result: Imported) -> dict[str, Any]:
    extra = runtime.extra_values
    places: dict[str, Scaling | None] = {
        "extraValues.runtime.scaling": extra.runtime.scaling,
        "extraValues.karpenter.scaling": extra.karpenter.scaling,
        "extraValues.scaling": extra.scaling,
    }
    found = {place: scaling for place, scaling in places.items() if scaling}
    right = "extraValues.runtime.scaling"
    for place in found.keys() - {right}:
        if place == next(iter(found)):
            result.changed.append(f"{path}.{place}: taken, though its place is {right}")
        else:
            result.not_carried.append(f"{path}.{place}: {next(iter(found))} is there, too")
    if not found:
        return {}
    scaling = next(iter(found.values()))
    return _given(
        queueLength=scaling.queue_length,
        minReplicaCount=scaling.min_replica_count,
        maxReplicaCount=scaling.max_replica_count,
        cooldownPeriod=scaling.cooldown_period,
    )


def _nodes(runtime: ModelsRuntime, path: str, result: Imported) -> dict[str, Any]:
    karpenter = runtime.extra_values.karpenter
    template = karpenter.node_template
    nodes: dict[str, Any] = {}
    if karpenter.provisioner.instance_type:
        nodes["instanceTypes"] = list(karpenter.provisioner.instance_type)
    if bought := karpenter.provisioner.capacity_type:
        kinds = {"spot": bought.spot, "on-demand": bought.on_demand}
        nodes["capacityTypes"] = [kind for kind, wanted in kinds.items() if wanted]
    if template.ami_family and template.ami_family != "Bottlerocket":
        result.not_carried.append(
            f"{path}.extraValues.karpenter.nodeTemplate.amiFamily: {template.ami_family}: "
            "nodes run Bottlerocket"
        )
    if volume := _data_volume(template.data_volume):
        nodes["dataVolume"] = volume
    if template.data_volume.snapshot_id:
        nodes["imageCache"] = "ebsSnapshot"
    return nodes


def _data_volume(volume: DataVolume) -> dict[str, Any]:
    return _given(
        volumeSize=volume.volume_size,
        volumeType=volume.volume_type,
        deleteOnTermination=volume.delete_on_termination,
        iops=volume.iops,
        throughput=volume.throughput,
        snapshotID=volume.snapshot_id,
    )


def _given(**settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}
