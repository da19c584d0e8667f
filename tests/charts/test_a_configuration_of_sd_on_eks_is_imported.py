"""`easel config import` takes a config.yaml over, and says what it changed or could not carry."""

import json
from pathlib import Path

import pytest
import yaml

from easel_cli.config_import import ConfigImportOptions, config_import, read_config
from easel_cli.config_import_mapping import Imported, ImportRefusedError, convert
from tests.charts.helm import Helm, Values, of_kind, overlay
from tests.charts.manifests import Validate

SAMPLES = Path(__file__).parents[1] / "data" / "sd-on-eks"
BUCKET = {"MODEL_BUCKET": "my-models"}
LEAST = "stackName: easel\nmodelBucketArn: arn:aws:s3:::models\nmodelsRuntime:\n"


def imported(name: str) -> Imported:
    return convert(read_config((SAMPLES / name).read_text(), BUCKET))


def import_runtime(runtime: str) -> Imported:
    return convert(read_config(f"{LEAST}- {{name: one, type: sdwebui, {runtime}}}", {}))


@pytest.mark.unit
def test_the_guides_sample() -> None:
    result = imported("guide.yaml")
    assert result.variables == {
        "name": "sdoneks",
        "model_bucket_arn": "arn:aws-cn:s3:::my-models",
        "stage_name": "dev",
        "throttle": {"rate_limit_per_second": 30, "burst_limit": 50},
        "runtimes": {
            "sdruntime": {
                "type": "sdwebui",
                "namespace": "default",
                "model_filename": "v1-5-pruned-emaonly.safetensors",
                "dynamic_model": False,
                "values_file": "values/sdruntime.yaml",
            }
        },
    }
    registry = "123456789012.dkr.ecr.cn-northwest-1.amazonaws.com.cn/sd-on-eks"
    assert result.values["sdruntime"] == {
        "runtime": {"image": {"repository": f"{registry}/sdwebui", "tag": "latest"}},
        "agent": {"image": {"repository": f"{registry}/queue-agent", "tag": "latest"}},
        "nodes": {
            "instanceTypes": ["g5.xlarge", "g5.2xlarge"],
            "capacityTypes": ["spot", "on-demand"],
            "imageCache": "ebsSnapshot",
            "dataVolume": {"snapshotID": "snap-1234567890"},
        },
        "models": {"s3": {"bucket": "my-models"}},
    }
    assert result.not_carried == []


@pytest.mark.unit
def test_scaling_at_the_wrong_place_of_the_china_page() -> None:
    result = imported("china-page.yaml")
    values = result.values["sdruntime"]
    assert values["scaling"] == {
        "queueLength": 10,
        "minReplicaCount": 0,
        "maxReplicaCount": 5,
        "cooldownPeriod": 300,
    }
    assert values["nodes"]["dataVolume"] == {
        "volumeSize": "80Gi",
        "volumeType": "gp3",
        "deleteOnTermination": True,
        "iops": 4000,
        "throughput": 1000,
        "snapshotID": "snap-1234567890",
    }
    assert (
        "modelsRuntime[0].extraValues.karpenter.scaling: taken, though its place is "
        "extraValues.runtime.scaling"
    ) in result.changed


@pytest.mark.unit
def test_scaling_at_the_right_place_wins() -> None:
    result = import_runtime(
        "extraValues: {runtime: {scaling: {queueLength: 2}}, "
        "karpenter: {scaling: {queueLength: 9}}}"
    )
    assert result.values["one"]["scaling"] == {"queueLength": 2}
    assert result.not_carried == [
        "modelsRuntime[0].extraValues.karpenter.scaling: extraValues.runtime.scaling is there, too"
    ]


@pytest.mark.unit
def test_what_has_no_place_is_named() -> None:
    result = convert(
        read_config(
            f"{LEAST}- name: one\n  type: sdwebui\n  extraValues: "
            "{runtime: {persistence: {enabled: true}}, "
            "karpenter: {nodeTemplate: {amiFamily: AL2, userData: x}}}\nextra: 1\n",
            {},
        )
    )
    path = "modelsRuntime[0].extraValues"
    assert set(result.not_carried) == {
        "extra",
        f"{path}.runtime.persistence",
        f"{path}.karpenter.nodeTemplate.userData",
        f"{path}.karpenter.nodeTemplate.amiFamily: AL2: nodes run Bottlerocket",
    }


@pytest.mark.unit
def test_a_chart_repository_gets_our_chart() -> None:
    result = import_runtime("chartRepository: 'oci://r.example/a/charts/sd-on-eks'")
    chart = result.variables["runtimes"]["one"]["chart"]
    assert chart == {"repository": "oci://r.example/a/charts/sd-runtime"}
    assert "make chart-push REGISTRY=oci://r.example/a/charts" in result.changed[0]
    result = import_runtime("chartRepository: 'http://example.com/', chartVersion: '1.0.0'")
    chart = result.variables["runtimes"]["one"]["chart"]
    assert chart == {"repository": "http://example.com/"}
    assert result.not_carried[0].startswith("modelsRuntime[0].chartVersion: 1.0.0 is a version of")


@pytest.mark.unit
def test_names_are_made_to_fit() -> None:
    text = LEAST.replace("easel", "sdoneksStack") + "- {name: SD_Runtime, type: comfyui}"
    result = convert(read_config(text, {}))
    assert result.variables["name"] == "sdoneksstack"
    assert list(result.variables["runtimes"]) == ["sd-runtime"]
    assert any("SD_Runtime becomes sd-runtime" in one for one in result.changed)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "it is not YAML"),
        ("just text", "it has no modelsRuntime"),
        ("a: 1", "it has no modelsRuntime"),
        ("stackName: a", "modelBucketArn: is missing"),
        (LEAST.replace("arn:aws:s3:::models", "''"), "modelBucketArn: is empty"),
        (LEAST.replace("arn:aws:s3:::models", "my-models"), "'my-models' is no bucket's ARN"),
        (LEAST, "modelsRuntime: at least one runtime is needed"),
        (LEAST.replace(":\n", ": []\n"), "modelsRuntime: at least one runtime is needed"),
        (LEAST + "  name: a", "modelsRuntime: must be a list"),
        (LEAST + "- a", "modelsRuntime[0]: must be a section"),
        (
            LEAST + "- {name: a, type: invokeai}",
            "modelsRuntime[0].type: 'invokeai' is no type; known: sdwebui, comfyui",
        ),
        (LEAST + "- {name: a, type: '${T}'}", "or set the environment variable T"),
        (LEAST + "- {name: A_1}\n- {name: a-1}", "another runtime is named a-1, too"),
        (LEAST + "- {name: <name>, type: sdwebui}", "'<name>' is still a placeholder"),
        (LEAST.replace("models\n", "${B}\n") + "- {name: a, type: sdwebui}", "variable B"),
        (
            LEAST + "- {name: a, type: sdwebui}\n- {name: a, type: comfyui}",
            "modelsRuntime: two runtimes have the name a",
        ),
        (
            LEAST
            + "- {name: a, type: sdwebui, modelFilename: m}\n"
            + "- {name: b, type: sdwebui, modelFilename: m}",
            "modelsRuntime: two runtimes have the modelFilename m",
        ),
        (
            LEAST + "- {name: a, type: sdwebui, extraValues: {karpenter: {provisioner: "
            "{capacityType: {onDemand: false, spot: false}}}}}",
            "capacityType: onDemand or spot must be true",
        ),
        (
            LEAST + "- {name: a, type: sdwebui, chartRepository: 'ftp://x'}",
            "must begin with oci://, https:// or http://",
        ),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(ImportRefusedError) as refusal:
        convert(read_config(text, {}))
    assert message in str(refusal.value)


@pytest.mark.unit
def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODEL_BUCKET", "my-models")
    sample = SAMPLES / "china-page.yaml"
    assert config_import(ConfigImportOptions(config=sample, out=tmp_path)) == 0
    said = capsys.readouterr().out
    assert "Changed:\n" in said
    variables = json.loads((tmp_path / "imported.auto.tfvars.json").read_text())
    file = tmp_path / variables["runtimes"]["sdruntime"]["values_file"]
    assert yaml.safe_load(file.read_text())["models"] == {"s3": {"bucket": "my-models"}}


@pytest.mark.unit
def test_the_command_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MODEL_BUCKET", raising=False)
    out = tmp_path / "out"
    assert config_import(ConfigImportOptions(config=SAMPLES / "guide.yaml", out=out)) == 2
    assert "set the environment variable MODEL_BUCKET" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.integration
@pytest.mark.parametrize("sample", ["guide.yaml", "china-page.yaml"])
def test_samples_render_and_validate(
    helm: Helm, problems: Validate, sdwebui: Values, sample: str
) -> None:
    values = imported(sample).values["sdruntime"]
    # What Terraform renders beside them.
    rendered = ("aws", "queue", "records", "notificationsTopicArn", "outputBucket")
    own = {key: sdwebui[key] for key in rendered}
    own["nodes"] = {"clusterName": "easel", "role": "easel-node"}
    manifests = helm.render(overlay(own, values))
    assert problems(manifests) == []
    volumes = of_kind(manifests, "EC2NodeClass")["spec"]["blockDeviceMappings"]
    assert volumes[1]["ebs"]["snapshotID"] == "snap-1234567890"
