"""Choices in terraform.tfvars: what `make plan` then shows, and what it refuses."""

from pathlib import Path

import pytest
import tftest
import yaml

from easel_deploy.environments import retained_models

from .conftest import EnvironmentPlan

pytestmark = pytest.mark.plan

ROOT = Path(__file__).parents[2]
ACCOUNT = "000000000000"
"""The emulator's."""


@pytest.fixture(params=["us-east-1", "cn-northwest-1"])
def region(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_a_network_of_ones_own_is_used_as_it_is(environment_plan_of: EnvironmentPlan) -> None:
    subnets = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    planned = environment_plan_of(
        "us-east-1",
        existing_vpc={
            "vpc_id": "vpc-0123456789abcdef0",
            "subnet_ids": subnets,
            "cidr_blocks": ["10.9.0.0/16"],
        },
    )
    assert not [one for one in planned.resources if one.startswith("module.vpc")]
    (cluster,) = planned.of_type("aws_eks_cluster").values()
    assert set(cluster["vpc_config"][0]["subnet_ids"]) == set(subnets)
    values = planned.release_values('module.runtime["sdruntime"].module.release[0]')
    assert values["nodes"]["subnetSelectorTerms"] == [{"id": one} for one in subnets]
    assert values["networkPolicy"]["endpointCidrs"] == ["10.9.0.0/16"]
    assert planned.outputs["vpc_id"] == "vpc-0123456789abcdef0"


def test_a_runtime_more_is_an_entry_more(environment_plan_of: EnvironmentPlan) -> None:
    planned = environment_plan_of(
        "us-east-1",
        runtimes={
            "pictures": {
                "type": "sdwebui",
                "image": {"repository": "ghcr.io/me/webui", "digest": "sha256:" + "0" * 64},
                "chart": {"repository": "https://charts.example/easel", "version": "0.1.0"},
                "scaling": {"max_replica_count": 2},
            },
            "workflows": {
                "type": "comfyui",
                "namespace": "workflows",
                "chart": {
                    "repository": "oci://r.example/easel/sd-runtime",
                    "version": "1.2.3",
                },
                "values_file": "../../extra.yaml",
            },
        },
    )
    first, second = (
        f'module.runtime["{name}"].module.release[0]' for name in ("pictures", "workflows")
    )
    image = planned.release_values(first)["runtime"]["image"]
    assert image["repository"] == "ghcr.io/me/webui"
    assert planned.chart(first)["repository"] == "https://charts.example/easel"
    assert planned.chart(second)["reference"] == "oci://r.example/easel/sd-runtime"
    assert "image" not in planned.release_values(second)["runtime"]
    assert len(planned.subscriptions("tasks")) == 2


@pytest.mark.parametrize("settings", [{}, {"values_file": "../../no-image.yaml"}])
def test_a_runtime_without_an_image_is_refused_with_the_command_that_makes_one(
    environment_plan_of: EnvironmentPlan, settings: dict[str, str]
) -> None:
    with pytest.raises(tftest.TerraformTestError) as refused:
        environment_plan_of("us-east-1", runtimes={"a": {"type": "comfyui", **settings}})
    said = " ".join(" ".join(map(str, refused.value.args)).split())
    assert "A runtime needs an image, or a values_file that names one" in said
    assert "make image IMAGE=sd-webui PUSH=1, or IMAGE=comfyui" in said.replace("│ ", "")


def test_the_api_does_not_know_a_runtime_that_accepts_no_tasks(
    environment_plan_of: EnvironmentPlan,
) -> None:
    image = {"repository": "easel/sd-webui", "tag": "1.8.0"}
    old = {"type": "sdwebui", "model_filename": "v1-5.safetensors", "image": image}
    with pytest.raises(tftest.TerraformTestError, match="model_filename"):
        environment_plan_of("us-east-1", runtimes={"old": old, "new": old})
    # Two of which the API has to choose one are refused. Here is one, the other ends its queue.
    planned = environment_plan_of(
        "us-east-1", runtimes={"old": {**old, "accepts_tasks": False}, "new": old}
    )
    assert len(planned.subscriptions("tasks")) == 2


@pytest.mark.parametrize(
    ("region", "config"), [("us-east-1", "guide.yaml"), ("cn-northwest-1", "china-page.yaml")]
)
def test_an_imported_configuration_is_taken(
    environment_plan_of: EnvironmentPlan, tmp_path: Path, region: str, config: str
) -> None:
    """`easel config import config.yaml --out envs/REGION`, and a plan without another edit."""
    sd_on_eks = tmp_path / config
    text = (ROOT / "tests" / "data" / "sd-on-eks" / config).read_text()
    # Both are China's; of the guide's a comment says that aws stands there elsewhere.
    sd_on_eks.write_text(text if region.startswith("cn-") else text.replace("aws-cn:", "aws:"))
    planned = environment_plan_of(region, sd_on_eks=sd_on_eks)
    (runtime,) = yaml.safe_load(sd_on_eks.read_text())["modelsRuntime"]
    release = f'module.runtime["{runtime["name"]}"].module.release[0]'
    values = planned.release_values(release)
    assert values["runtime"]["modelFilename"] == runtime["modelFilename"]
    identity = planned.resources[f"{release}.terraform_data.release"]["input"]
    assert identity["namespace"] == runtime["namespace"]
    upgrade = planned.resources[f"{release}.terraform_data.upgrade"]
    assert upgrade["triggers_replace"]["extra_values_sha256"]


def test_what_was_mirrored_is_pulled_from_the_copy(environment_plan_of: EnvironmentPlan) -> None:
    """As `easel mirror --run` writes it: names as in terraform.tfvars, digests in the copy."""
    digest = f"sha256:{7:064x}"
    chart = {"repository": "oci://ghcr.io/me/sd-runtime", "version": "1.2.3"}
    copied = {"repository": "oci://000000000000.dkr.ecr.x/easel/ghcr.io/me/sd-runtime"}
    planned = environment_plan_of(
        "us-east-1",
        mirror_prefix="easel",
        mirrored={
            "images": {
                "ghcr.io/me/webui:1.0": {"repository": "easel/ghcr.io/me/webui", "digest": digest}
            },
            "charts": {f"{chart['repository']}:1.2.3": copied | {"version": "1.2.3"}},
        },
        runtimes={
            "a": {
                "type": "sdwebui",
                "model_filename": "a.safetensors",
                "image": {"repository": "ghcr.io/me/webui", "tag": "1.0"},
                "chart": chart,
            },
            "b": {"type": "comfyui", "image": {"repository": "ghcr.io/me/webui", "tag": "1.1"}},
        },
    )
    registry = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
    release = 'module.runtime["a"].module.release[0]'
    image = planned.release_values(release)["runtime"]["image"]
    assert image["repository"] == f"{registry}/easel/ghcr.io/me/webui"
    assert (image.get("tag"), image["digest"]) == (None, digest)
    assert planned.chart(release)["reference"] == copied["repository"]
    other = planned.release_values('module.runtime["b"].module.release[0]')["runtime"]["image"]
    assert (other["repository"], other["tag"]) == ("ghcr.io/me/webui", "1.1")
    agent = planned.release_values(release)["agent"]["image"]
    assert agent["repository"] == f"{registry}/easel/queue-agent"


def test_a_model_bucket_is_made_where_one_is_asked_for(
    region: str, environment_plan_of: EnvironmentPlan
) -> None:
    planned = environment_plan_of(region, model_bucket={})
    name = f"easel-models-{ACCOUNT}-{region}"
    assert planned.resources[retained_models.BUCKET]["bucket"] == name
    assert planned.outputs["model_bucket"] == name


def test_wrong_settings_are_refused_all_together(environment_plan_of: EnvironmentPlan) -> None:
    wrong = {
        "existing_vpc": {"vpc_id": "my-vpc", "subnet_ids": ["subnet-0a"], "cidr_blocks": ["10/8"]},
        "mirror_prefix": "/Easel/",
        "mirrored": {"images": {"a:1": {"repository": "easel/a", "digest": "1.0"}}},
        "model_kms_key_arn": "alias/models",
        "model_bucket": {},
        "model_bucket_arn": "arn:aws:s3:::mine",
        "functions_package_path": "../../nothing.zip",
        "tags": {"kubernetes.io/cluster/mine": "shared"},
        "runtimes": {
            "a": {"type": "sdwebui", "accepts_tasks": False},
            "b": {"type": "comfyui", "values_file": "missing.yaml", "accepts_tasks": False},
            "c": {
                "type": "comfyui",
                "accepts_tasks": False,
                "image": {"repository": "x", "tag": "1"},
                "chart": {"repository": "registry.example/sd-runtime"},
            },
        },
    }
    with pytest.raises(tftest.TerraformTestError) as refused:
        environment_plan_of("us-east-1", **wrong)
    said = " ".join(" ".join(map(str, refused.value.args)).split())
    for message in (
        "existing_vpc.vpc_id must be like",
        "must name at least two subnets",
        "existing_vpc.cidr_blocks must be",
        "mirror_prefix must be the beginning of an ECR repository's name",
        "mirrored.images must have digests",
        "model_kms_key_arn must be the ARN of a KMS key",
        "model_bucket makes a bucket and model_bucket_arn names one of yours",
        "run `make package` first",
        "A runtime needs an image, or a values_file",
        "There is no file at a runtime's values_file",
        "chart.repository must begin with oci://",
        "At least one runtime must accept tasks",
        "tags must not be named kubernetes.io/cluster",
    ):
        assert message in said


def test_what_is_of_another_region_is_refused_all_together(
    region: str, environment_plan_of: EnvironmentPlan
) -> None:
    wrong = {
        "availability_zones": ["eu-central-1a", "eu-central-1b"],
        "model_kms_key_arn": f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/0a",
        "model_bucket_arn": "arn:aws:s3:::models/sd15",
    }
    with pytest.raises(tftest.TerraformTestError) as refused:
        environment_plan_of(region, **wrong)
    said = " ".join(" ".join(map(str, refused.value.args)).split())
    for message in (
        f"availability_zones must be zones of the region, such as {region}a",
        "model_kms_key_arn must be a key of the region",
        "model_bucket_arn must be the ARN of a bucket",
    ):
        assert message in said
