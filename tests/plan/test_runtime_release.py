"""What modules/runtime releases: charts/sd-runtime, with values made from its inputs."""

import json
from typing import Any

import jsonschema
import pytest
import yaml

from tests.charts.helm import CHART, overlay

from .conftest import Plan
from .planned_module import PlannedModule

pytestmark = pytest.mark.plan

UPGRADE = "module.release[0].terraform_data.upgrade"
ACCOUNT_URL = "https://queue.example/123456789012"
QUEUES = {"queue": {"url": f"{ACCOUNT_URL}/tasks", "deadLetterUrl": f"{ACCOUNT_URL}/dead"}}


@pytest.fixture
def example(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("runtime"), "runtime")


@pytest.fixture
def china(plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("runtime"), "china")


def values_of(module: PlannedModule) -> dict[str, Any]:
    """The planned values; the queues' URLs are known after the apply only."""
    values: dict[str, Any] = module.resource(UPGRADE)["triggers_replace"]["values"]
    return overlay(values, QUEUES)


@pytest.mark.parametrize("scenario", ["runtime", "china"])
def test_the_chart_takes_the_values(plan_of: Plan, scenario: str) -> None:
    values = values_of(PlannedModule(plan_of("runtime"), scenario))
    schema = json.loads((CHART / "values.schema.json").read_text())
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    problems = jsonschema.Draft7Validator(schema).iter_errors(overlay(defaults, values))
    assert [problem.message for problem in problems] == []


def test_what_is_not_set_is_the_charts_to_choose(example: PlannedModule) -> None:
    assert values_of(example) == {
        "aws": {"region": "us-east-1"},
        "queue": QUEUES["queue"],
        "records": {"table": "easel-records", "retentionDays": 30},
        "notificationsTopicArn": "arn:aws:sns:us-east-1:123456789012:easel-notifications",
        "outputBucket": "easel-outputs-123456789012-us-east-1",
        "runtime": {
            "name": "sdruntime",
            "type": "sdwebui",
            "dynamicModel": False,
            "modelFilename": "v1-5-pruned-emaonly.safetensors",
            "image": {
                "repository": "123456789012.dkr.ecr.us-east-1.amazonaws.com/easel/sd-webui",
                "tag": "1.8.0",
            },
        },
        "agent": {
            "image": {
                "repository": "123456789012.dkr.ecr.us-east-1.amazonaws.com/easel/queue-agent",
                "tag": "0.1.0",
            },
            "settings": {},
        },
        "scaling": {"maxReplicaCount": 10},
        "nodes": {
            "clusterName": "easel",
            "role": "easel-nodes",
            "imageCache": "none",
            "instanceTypes": ["g5.xlarge", "g6.xlarge"],
            "dataVolume": {},
        },
        "models": {
            "source": "s3",
            "s3": {"bucket": "easel-models-123456789012-us-east-1", "authentication": "pod"},
        },
        "rollout": {},
        "networkPolicy": {},
    }


def test_all_that_may_be_set_is_rendered(china: PlannedModule) -> None:
    values = values_of(china)
    assert values["runtime"]["dynamicModel"] is True
    assert values["runtime"]["image"].keys() == {"repository", "digest"}
    assert (values["runtime"]["pricePerHour"], values["runtime"]["currency"]) == (8.5, "CNY")
    assert values["records"] == {"table": "easel-records", "retentionDays": 60}
    assert values["scaling"] == {
        "queueLength": 4,
        "minReplicaCount": 1,
        "maxReplicaCount": 8,
        "cooldownPeriod": 600,
    }
    assert values["nodes"] == {
        "clusterName": "easel",
        "role": "easel-nodes",
        "instanceTypes": ["g5.xlarge", "g4dn.xlarge"],
        "capacityTypes": ["spot"],
        "amiAlias": "bottlerocket@v1.64.0",
        "imageCache": "ebsSnapshot",
        "dataVolume": {
            "volumeSize": "120Gi",
            "snapshotID": "snap-0123456789abcdef0",
            "volumeInitializationRate": 200,
        },
        "subnetSelectorTerms": [{"id": "subnet-0a"}, {"id": "subnet-0b"}],
        "securityGroupSelectorTerms": [{"id": "sg-0a"}],
        # What the provider puts on everything that it makes itself.
        "tags": {"Stack": "easel", "Team": "pictures"},
    }
    assert values["models"]["s3"] == {
        "bucket": "models",
        "prefix": "webui/2026",
        "authentication": "pod",
    }
    assert values["networkPolicy"] == {"endpointCidrs": ["10.7.0.0/16"]}


@pytest.mark.parametrize(
    ("scenario", "seconds"),
    # An hour; what was given; a pod's grace of 4000 s and 120 s, and a quarter of an hour.
    [("runtime", 3600), ("china", 5400), ("long_tasks", 4000 + 120 + 900)],
)
def test_a_release_has_time_for_all_its_pods(plan_of: Plan, scenario: str, seconds: int) -> None:
    module = PlannedModule(plan_of("runtime"), scenario)
    assert (
        module.resource("module.release[0].terraform_data.release")["input"]["timeout_seconds"]
        == seconds
    )


def test_a_longer_limit_is_one_for_each_pod_too(china: PlannedModule) -> None:
    assert values_of(china)["rollout"] == {"progressDeadlineSeconds": 5400}


def test_what_a_user_adds_is_known_by_its_hash_only(china: PlannedModule) -> None:
    triggers = china.resource(UPGRADE)["triggers_replace"]
    assert len(triggers["extra_values_sha256"]) == 64
    assert "DEBUG" not in json.dumps(triggers)


def test_the_chart_is_the_checkouts_unless_one_is_named(
    example: PlannedModule, china: PlannedModule
) -> None:
    assert example.resource(UPGRADE)["triggers_replace"]["chart"]["reference"] == CHART.name
    assert china.resource(UPGRADE)["triggers_replace"]["chart"]["version"] == "0.1.0"


def test_a_release_is_named_after_its_runtime(example: PlannedModule, china: PlannedModule) -> None:
    release = "module.release[0].terraform_data.release"
    where = {"cluster_name": "easel", "cluster_id": None, "name": "sdruntime"}
    assert example.resource(release)["triggers_replace"] == {
        **where,
        "region": "us-east-1",
        "namespace": "easel",
    }
    assert china.resource(release)["triggers_replace"] == {
        **where,
        "region": "cn-northwest-1",
        "namespace": "pictures",
    }


def test_the_pods_service_account_gets_the_role(
    example: PlannedModule, china: PlannedModule
) -> None:
    address = "aws_eks_pod_identity_association.agent[0]"
    for module, namespace in ((example, "easel"), (china, "pictures")):
        association = module.resource(address)
        assert association["cluster_name"] == "easel"
        assert (association["namespace"], association["service_account"]) == (
            namespace,
            "sdruntime",
        )
    assert example.references("aws_eks_pod_identity_association.agent", "role_arn") >= {
        "aws_iam_role.agent.arn"
    }


def test_without_a_cluster_nothing_is_released(plan_of: Plan) -> None:
    module = PlannedModule(plan_of("runtime"), "comfyui")
    assert module.resources("terraform_data").keys() == {"terraform_data.reached"}
    assert module.resources("aws_eks_pod_identity_association") == {}


def test_a_pod_has_its_rights_until_its_release_is_gone(plan_of: Plan) -> None:
    calls = plan_of("runtime").configuration["root_module"]["module_calls"]
    release = calls["runtime"]["module"]["module_calls"]["release"]
    assert set(release["depends_on"]) == {
        "aws_iam_role_policy.agent",
        "terraform_data.reached",
        "terraform_data.identity_known",
        "var.ready",
    }


def test_a_release_waits_until_a_new_identity_is_known(plan_of: Plan) -> None:
    module = PlannedModule(plan_of("runtime"), "runtime")
    waits = module.references("terraform_data.identity_known", "triggers_replace")
    assert "aws_eks_pod_identity_association.agent[0].association_id" in waits
    # Made with the cluster: in a new stack it is known long before Karpenter runs.
    calls = plan_of("runtime").configuration["root_module"]["module_calls"]
    (association,) = (
        one
        for one in calls["runtime"]["module"]["resources"]
        if one["type"] == "aws_eks_pod_identity_association"
    )
    assert "depends_on" not in association
    assert "var.ready" not in json.dumps(association["expressions"])
