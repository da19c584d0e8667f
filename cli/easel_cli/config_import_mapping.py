"""Says sd-on-eks's configuration in easel's words: Terraform variables and chart values."""

import re
from dataclasses import dataclass, field
from typing import Any

from easel_cli.config_import_model import (
    DataVolume,
    Image,
    ModelsRuntime,
    RuntimeValues,
    Scaling,
    SdOnEksConfig,
    plain_type,
    unknown_settings,
)

_NAME = re.compile(r"[^a-z0-9-]+")
_MAX_STACK_NAME = 24
_MAX_RUNTIME_NAME = 32
_CHART_NAME = "sd-runtime"
_STACK_NAME = "SdOnEks"
"""sd-on-eks's lib/constants.ts, before stackName."""
_DYNAMIC_NAME = "dynamicsdruntime"
"""lib/dataPlane.ts names it dynamicSDRuntime, and lib/runtime/sdRuntime.ts writes it small."""
_DYNAMIC = "dynamicModelRuntime"
_AGENT_IMAGE = (
    "the agents' image is agent_image in terraform.tfvars: make image PUSH=1 builds and pushes it"
)
_SAMPLE_IMAGES = {"sdwebui": "sd-webui", "comfyui": "comfyui"}
"""What `make image` calls the samples (easel_packaging.image_names)."""
_PUBLIC = ("public.ecr.aws/bingjiao/", "aws-samples.github.io/")
"""Where sd-on-eks published its charts and images."""


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
    to_do: list[str] = field(default_factory=list)
    """What is missing, and where it is to be set."""


class ImportRefusedError(Exception):
    """The configuration contradicts itself; the message names every problem."""


def convert(config: SdOnEksConfig) -> Imported:
    """Returns a configuration in easel's words.

    Raises:
        ImportRefusedError: runtimes share a name or a model, or none of their nodes may be bought.
    """
    result = Imported(variables={}, values={})
    runtimes = _runtimes(config, result)
    _check(runtimes)
    if config.stack_name is None:
        result.changed.append(f"stackName: none is given, which was {_STACK_NAME}")
    name = _name(config.stack_name or _STACK_NAME, _MAX_STACK_NAME, "stackName", result)
    result.variables = {"name": name, "model_bucket_arn": config.model_bucket_arn, "runtimes": {}}
    if config.api_gateway.stage_name:
        result.variables["stage_name"] = config.api_gateway.stage_name
    throttle = config.api_gateway.throttle
    if limits := _given(
        rate_limit_per_second=throttle.rate_limit, burst_limit=throttle.burst_limit
    ):
        result.variables["throttle"] = limits
    for path, runtime in runtimes.items():
        name = _name(runtime.name, _MAX_RUNTIME_NAME, f"{path}.name", result)
        if name in result.values:
            raise ImportRefusedError(f"{path}.name: another runtime is named {name}, too")
        result.variables["runtimes"][name] = _runtime_variables(runtime, name, path, result)
        result.values[name] = _runtime_values(config, runtime, path, result)
        _images(runtime, name, path, result)
    result.not_carried += unknown_settings(config)
    return result


def _runtimes(config: SdOnEksConfig, result: Imported) -> dict[str, ModelsRuntime]:
    """Returns the runtimes by their place in the file."""
    found = {f"modelsRuntime[{i}]": one for i, one in enumerate(config.models_runtime)}
    dynamic = config.dynamic_model_runtime
    if dynamic and dynamic.enabled:
        result.changed.append(
            f"{_DYNAMIC}: becomes the runtime {_DYNAMIC_NAME} with dynamic_model: it takes "
            "v1alpha1 tasks for checkpoints that no other runtime has"
        )
        settings = {name: getattr(dynamic, name) for name in dynamic.model_fields_set}
        found[_DYNAMIC] = ModelsRuntime.model_construct(
            name=_DYNAMIC_NAME,
            dynamic_model=True,
            **{n: v for n, v in settings.items() if n in ModelsRuntime.model_fields},
        )
    elif dynamic:
        result.not_carried.append(f"{_DYNAMIC}: it is not enabled, so no runtime is made of it")
    for path, runtime in found.items():
        kind = "sdwebui" if runtime.type is None else plain_type(runtime.type)
        if runtime.type is None:
            result.changed.append(f"{path}.type: none is given; becomes {kind}, the only one then")
        elif runtime.type != kind:
            result.changed.append(f"{path}.type: {runtime.type} becomes {kind}")
        found[path] = runtime.model_copy(update={"type": kind})
    return found


def _check(runtimes: dict[str, ModelsRuntime]) -> None:
    problems = []
    if not runtimes:
        problems.append("modelsRuntime: at least one runtime is needed")
    webuis = [one for one in runtimes.values() if one.type == "sdwebui"]
    for label, values in (
        ("name", [one.name for one in runtimes.values()]),
        ("modelFilename", [one.model_filename for one in webuis]),
    ):
        twice = sorted({one for one in values if one and values.count(one) > 1})
        problems += [f"modelsRuntime: two runtimes have the {label} {one}" for one in twice]
    for path, runtime in runtimes.items():
        bought = runtime.extra_values.karpenter.provisioner.capacity_type
        if bought and not (bought.spot or bought.on_demand):
            problems.append(
                f"{path}.extraValues.karpenter.provisioner.capacityType: "
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
    namespace = runtime.namespace.lower()
    if namespace != runtime.namespace:
        result.changed.append(f"{path}.namespace: becomes {namespace}, as it was made")
    variables: dict[str, Any] = {
        "type": runtime.type,
        "namespace": namespace,
        "dynamic_model": runtime.dynamic_model,
        "values_file": f"values/{name}.yaml",
    }
    if runtime.model_filename and runtime.type == "sdwebui":
        variables["model_filename"] = runtime.model_filename
    elif runtime.model_filename:
        result.not_carried.append(
            f"{path}.modelFilename: a ComfyUI workflow names its own checkpoints"
        )
    if runtime.type == "comfyui" and runtime.dynamic_model:
        variables["dynamic_model"] = False
        result.changed.append(
            f"{path}.dynamicModel: becomes false: a ComfyUI workflow names its own checkpoints"
        )
    if runtime.chart_repository and any(host in runtime.chart_repository for host in _PUBLIC):
        result.not_carried.append(
            f"{path}.chartRepository: sd-on-eks's own chart; easel takes the one in charts/"
        )
    elif runtime.chart_repository:
        variables["chart"] = {"repository": _chart(runtime.chart_repository, path, result)}
    if runtime.chart_version:
        result.not_carried.append(
            f"{path}.chartVersion: {runtime.chart_version} is a version of sd-on-eks's chart; "
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
    config: SdOnEksConfig, runtime: ModelsRuntime, path: str, result: Imported
) -> dict[str, Any]:
    values: dict[str, Any] = {
        ours: {"image": given}
        for ours, _, image in _image_places(runtime)
        if (given := _given(repository=image.repository, tag=image.tag)) and image.repository
    }
    if scaling := _scaling(runtime, path, result):
        values["scaling"] = scaling
    if nodes := _nodes(runtime, path, result):
        values["nodes"] = nodes
    values["models"] = {"s3": {"bucket": config.model_bucket_arn.rpartition(":")[2]}}
    return values


def _own_values(runtime: ModelsRuntime) -> tuple[str, RuntimeValues]:
    """Returns `extraValues.runtime`, with the name that it has in the file."""
    extra = runtime.extra_values
    if extra.runtime is None and extra.sd_webui_inference_api is not None:
        return "sdWebuiInferenceApi", extra.sd_webui_inference_api
    return "runtime", extra.runtime or RuntimeValues()


def _image_places(runtime: ModelsRuntime) -> list[tuple[str, str, Image]]:
    section, own = _own_values(runtime)
    path = f"extraValues.{section}"
    return [
        ("runtime", f"{path}.inferenceApi.image", own.inference_api.image),
        ("agent", f"{path}.queueAgent.image", own.queue_agent.image),
    ]


def _images(runtime: ModelsRuntime, name: str, path: str, result: Imported) -> None:
    """Says of a runtime's images what they lack and what moves."""
    for ours, theirs, image in _image_places(runtime):
        place = f"{ours}.image.repository and {ours}.image.tag in values/{name}.yaml"
        if not image.repository and ours == "runtime":
            sample = _SAMPLE_IMAGES[result.variables["runtimes"][name]["type"]]
            result.to_do.append(
                f"runtime {name}: no image is named ({theirs}), and the plan refuses a runtime "
                f"without one: set {place}, or image in runtimes.{name}. "
                f"make image IMAGE={sample} PUSH=1 builds a sample and prints that line"
            )
        elif not image.repository:
            if _AGENT_IMAGE not in result.to_do:
                result.to_do.append(_AGENT_IMAGE)
        elif not image.tag:
            result.to_do.append(f"runtime {name}: its {ours} image has no tag: set {place}")
        elif image.tag == "latest":
            result.changed.append(
                f"{path}.{theirs}.tag: latest is kept, but moves: "
                "nodes with an image cache keep the image they were made with; name a version"
            )
        if ours == "agent" and image.repository:
            result.to_do.append(
                f"runtime {name}: push easel's own agent (make image PUSH=1) to "
                f"{image.repository}: sd-on-eks's does not work with easel's chart"
            )


def _scaling(runtime: ModelsRuntime, path: str, result: Imported) -> dict[str, Any]:
    extra = runtime.extra_values
    section, own = _own_values(runtime)
    right = f"extraValues.{section}.scaling"
    places: dict[str, Scaling | None] = {
        right: own.scaling,
        "extraValues.karpenter.scaling": extra.karpenter.scaling,
        "extraValues.scaling": extra.scaling,
    }
    found = {place: scaling for place, scaling in places.items() if scaling}
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
