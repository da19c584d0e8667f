"""A config.yaml of any version of sd-on-eks is imported, and what lacks is said (case 22).

The files that it shipped, from September 2023 to May 2024, are in tests/data/sd-on-eks/configs.
"""

from pathlib import Path

import pytest

from easel_cli.config_import import read_config
from easel_cli.config_import_mapping import (
    _SAMPLE_IMAGES,
    Imported,
    ImportRefusedError,
    convert,
)
from easel_packaging.image_names import RECIPES
from tests.charts.helm import Helm, Values, overlay
from tests.charts.manifests import Validate

SAMPLES = Path(__file__).parents[1] / "data" / "sd-on-eks"
LEAST = "stackName: easel\nmodelBucketArn: arn:aws:s3:::models\nmodelsRuntime:\n"

CONFIGS = sorted(one.name for one in (SAMPLES / "configs").iterdir())
ENVIRONMENT = {
    "STACK_NAME": "sdoneks",
    "MODEL_BUCKET": "my-models",
    "RUNTIME_NAME": "sdruntime",
    "RUNTIME_TYPE": "sdwebui",
    "SNAPSHOT_ID": "snap-1234567890",
}


def import_runtime(runtime: str) -> Imported:
    return convert(read_config(f"{LEAST}- {{name: one, type: sdwebui, {runtime}}}", {}))


def shipped(name: str) -> Imported:
    """A file of sd-on-eks's, with what it leaves for people to fill in."""
    text = (SAMPLES / "configs" / name).read_text()
    text = text.replace("modelBucketArn: ''", "modelBucketArn: arn:aws:s3:::my-models")
    text = text.replace("<account_id>", "123456789012").replace("<region>", "us-east-1")
    return convert(read_config(text, ENVIRONMENT))


@pytest.mark.unit
@pytest.mark.parametrize("name", CONFIGS)
def test_every_configuration_that_sd_on_eks_shipped(name: str) -> None:
    result = shipped(name)
    runtimes = result.variables["runtimes"]
    assert result.values.keys() == runtimes.keys() != set()
    assert {one["type"] for one in runtimes.values()} <= {"sdwebui", "comfyui"}
    assert result.variables["name"].startswith("sdoneks")
    lines = result.changed + result.not_carried + result.to_do
    assert len(lines) == len(set(lines))


@pytest.mark.unit
@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("config-2023-09-06", "stackName: none is given, which was SdOnEks"),
        ("config-2023-09-06", "modelsRuntime[0].type: none is given; becomes sdwebui"),
        ("config-2024-03-11", "modelsRuntime[0].type: SDWebUI becomes sdwebui"),
        ("config-2024-03-11", "stackName: SdOnEKS becomes sdoneks"),
        ("config-1.0.0", "modelsRuntime[0].extraValues.karpenter.scaling: taken"),
        ("example-dynamic-runtime", "dynamicModelRuntime: becomes the runtime dynamicsdruntime"),
    ],
)
def test_what_was_changed_is_said_once(name: str, changed: str) -> None:
    assert len([one for one in shipped(f"{name}.yaml").changed if changed in one]) == 1


@pytest.mark.unit
def test_the_dynamic_runtime_of_0x_becomes_one_of_the_runtimes() -> None:
    result = shipped("example-workshop-2023.yaml")
    assert result.variables["runtimes"]["dynamicsdruntime"] == {
        "type": "sdwebui",
        "namespace": "default",
        "dynamic_model": True,
        "values_file": "values/dynamicsdruntime.yaml",
    }
    # From sdWebuiInferenceApi, as `runtime` was called.
    assert result.values["dynamicsdruntime"]["scaling"] == {
        "queueLength": 20,
        "minReplicaCount": 1,
        "maxReplicaCount": 5,
        "cooldownPeriod": 300,
    }
    assert result.values["dynamicsdruntime"]["nodes"]["instanceTypes"] == [
        "g4dn.xlarge",
        "g4dn.2xlarge",
    ]


@pytest.mark.unit
def test_a_dynamic_runtime_that_is_off_is_named_and_not_looked_into() -> None:
    text = f"{LEAST}- name: one\ndynamicModelRuntime: {{enabled: false, type: <type>}}"
    result = convert(read_config(text, {}))
    assert list(result.values) == ["one"]
    assert "dynamicModelRuntime: it is not enabled" in result.not_carried[0]


@pytest.mark.unit
def test_a_dynamic_runtime_alone_is_a_runtime() -> None:
    text = f"{LEAST}\ndynamicModelRuntime: {{enabled: true}}"
    assert list(convert(read_config(text, {})).values) == ["dynamicsdruntime"]


@pytest.mark.unit
@pytest.mark.parametrize("kind", ["SDWebUI", "sdwebui", "SD WebUI", "SDWEBUI"])
def test_a_type_may_be_written_in_any_case(kind: str) -> None:
    result = convert(read_config(f"{LEAST}- {{name: one, type: {kind}}}", {}))
    assert result.variables["runtimes"]["one"]["type"] == "sdwebui"
    said = [f"modelsRuntime[0].type: {kind} becomes sdwebui"] if kind != "sdwebui" else []
    assert [one for one in result.changed if "type" in one] == said


@pytest.mark.unit
def test_comfyui_of_any_case_has_no_checkpoint_of_its_own() -> None:
    text = (
        f"{LEAST}- {{name: one, type: ComfyUI, modelFilename: a.ckpt}}\n"
        "- {name: two, type: sdwebui, modelFilename: a.ckpt}"
    )
    result = convert(read_config(text, {}))
    assert "model_filename" not in result.variables["runtimes"]["one"]
    assert result.not_carried[0].startswith("modelsRuntime[0].modelFilename: a ComfyUI workflow")


@pytest.mark.unit
def test_empty_settings_are_none() -> None:
    result = import_runtime(
        "modelFilename: '', chartRepository: '', chartVersion: '', namespace: , extraValues: "
        "{runtime: , karpenter: {nodeTemplate: {dataVolume: {snapshotID: , iops: }}}}"
    )
    assert result.variables["runtimes"]["one"].keys() == {
        "type",
        "namespace",
        "dynamic_model",
        "values_file",
    }
    assert result.values["one"] == {"models": {"s3": {"bucket": "models"}}}


@pytest.mark.unit
def test_versions_may_look_like_numbers() -> None:
    image = "{inferenceApi: {image: {repository: r.example/a, tag: 1.8}}}"
    result = import_runtime(f"chartVersion: 1.1, extraValues: {{runtime: {image}}}")
    assert result.values["one"]["runtime"]["image"] == {"repository": "r.example/a", "tag": "1.8"}


@pytest.mark.unit
def test_a_namespace_is_written_small_as_sd_on_eks_made_it() -> None:
    result = import_runtime("namespace: SDRuntime")
    assert result.variables["runtimes"]["one"]["namespace"] == "sdruntime"
    assert "modelsRuntime[0].namespace: becomes sdruntime, as it was made" in result.changed


@pytest.mark.unit
def test_the_chart_of_sd_on_eks_is_not_looked_for() -> None:
    result = shipped("config-2023-09-06.yaml")
    assert "chart" not in result.variables["runtimes"]["sdruntime"]
    assert any("chartRepository: sd-on-eks's own chart" in one for one in result.not_carried)


@pytest.mark.unit
def test_a_runtime_without_an_image_is_named_before_the_apply() -> None:
    runtime, agent = import_runtime("dynamicModel: true").to_do
    assert runtime.startswith("runtime one: no image is named")
    assert "runtime.image.repository and runtime.image.tag in values/one.yaml" in runtime
    assert "make image IMAGE=sd-webui PUSH=1" in runtime
    assert "agent_image in terraform.tfvars" in agent
    assert "make image PUSH=1" in agent


@pytest.mark.unit
def test_the_command_for_a_sample_is_one_that_there_is() -> None:
    assert set(_SAMPLE_IMAGES.values()) < RECIPES.keys()


@pytest.mark.unit
def test_the_agent_must_be_easels_own() -> None:
    to_do = convert(read_config((SAMPLES / "guide.yaml").read_text(), ENVIRONMENT)).to_do
    assert len(to_do) == 1
    assert "push easel's own agent" in to_do[0]
    assert "/sd-on-eks/queue-agent" in to_do[0]


@pytest.mark.unit
def test_an_image_without_a_tag_is_named() -> None:
    image = "{inferenceApi: {image: {repository: r.example/a}}}"
    assert (
        "its runtime image has no tag"
        in import_runtime(f"extraValues: {{runtime: {image}}}").to_do[0]
    )


@pytest.mark.unit
def test_one_wrong_field_is_one_problem() -> None:
    with pytest.raises(ImportRefusedError) as refusal:
        read_config(LEAST + "- {name: a, type: invokeai}", {})
    assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.integration
@pytest.mark.parametrize("name", ["config-2023-09-21.yaml", "example-workshop-2023.yaml"])
def test_what_0x_had_renders(helm: Helm, problems: Validate, sdwebui: Values, name: str) -> None:
    rendered = ("aws", "queue", "records", "notificationsTopicArn", "outputBucket")
    own = {key: sdwebui[key] for key in rendered} | {
        # What the import says is to be done.
        "runtime": {"image": {"repository": "r.example/sd-webui", "tag": "1.8.0"}},
        "agent": {"image": {"repository": "r.example/queue-agent", "tag": "0.1.0"}},
        "nodes": {"clusterName": "easel", "role": "easel-node"},
    }
    for values in shipped(name).values.values():
        assert problems(helm.render(overlay(own, values))) == []
