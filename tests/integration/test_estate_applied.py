"""Both regions' environments, applied unchanged to the emulator: what stands then."""

import json
from typing import Any

import pytest

from tests.integration.applied_estate import NAME, NAMESPACE, AppliedEstate

pytestmark = pytest.mark.integration

RELEASES = {"karpenter-crd", "karpenter", "keda", "sdruntime", "comfyui"}


def test_every_release_is_deployed_once(estate: AppliedEstate) -> None:
    releases = estate.releases()
    assert releases.keys() == RELEASES
    for revisions in releases.values():
        assert revisions[-1]["info"]["status"] == "deployed"


def test_a_second_plan_is_empty(estate: AppliedEstate) -> None:
    status, text = estate.module.plan()
    assert status == 0, text


def test_the_outputs_are_in_the_regions_partition(estate: AppliedEstate) -> None:
    text = json.dumps(estate.outputs)
    foreign = "arn:aws:" if estate.partition == "aws-cn" else "arn:aws-cn:"
    assert f"arn:{estate.partition}:" in text
    assert foreign not in text
    host = "amazonaws.com.cn" if estate.partition == "aws-cn" else "amazonaws.com"
    assert estate.values["endpoint"].rpartition("/")[0].endswith(host)
    assert estate.values["registry"].endswith(f".{estate.region}.{host}")


def test_the_cluster_is_reached_where_the_api_server_is(estate: AppliedEstate) -> None:
    cluster = estate.client("eks").describe_cluster(name=NAME)["cluster"]
    assert cluster["endpoint"] == estate.services.kubernetes.url
    assert cluster["accessConfig"]["authenticationMode"] == "API"


def deployment(estate: AppliedEstate, namespace: str, name: str) -> dict[str, Any]:
    return estate.kubernetes(f"apis/apps/v1/namespaces/{namespace}/deployments/{name}")


def test_every_controller_has_a_role_of_its_own(estate: AppliedEstate) -> None:
    wanted = {
        ("kube-system", "karpenter"): estate.values["roles"]["karpenter"],
        ("keda", "keda-operator"): estate.values["roles"]["keda"],
        (NAMESPACE, "sdruntime"): estate.values["runtimes"]["sdruntime"]["role_arn"],
        (NAMESPACE, "comfyui"): estate.values["runtimes"]["comfyui"]["role_arn"],
    }
    for (namespace, account), role in wanted.items():
        caller = estate.pod(namespace, account)("sts").get_caller_identity()["Arn"]
        assert caller.split("/")[1] == role.rpartition("/")[2]
        assert caller.startswith(f"arn:{estate.partition}:sts::")
    for namespace in (NAMESPACE, "keda", "kube-system"):
        accounts = estate.kubernetes(f"api/v1/namespaces/{namespace}/serviceaccounts")["items"]
        there = {(namespace, one["metadata"]["name"]) for one in accounts}
        expected = {one for one in wanted if one[0] == namespace}
        assert expected <= there


def test_a_runtimes_pods_are_told_what_terraform_made(estate: AppliedEstate) -> None:
    for name, runtime in estate.values["runtimes"].items():
        pod = deployment(estate, NAMESPACE, name)["spec"]["template"]["spec"]
        (agent,) = (one for one in pod["containers"] if one["name"] == "queue-agent")
        told = {one["name"]: one["value"] for one in agent["env"]}
        assert told["EASEL_QUEUE_URL"] == runtime["queue_url"]
        assert told["EASEL_DEAD_LETTER_QUEUE_URL"] == runtime["dead_letter_queue_url"]
        assert told["EASEL_NOTIFICATIONS_TOPIC_ARN"] == estate.values["notifications_topic_arn"]
        assert told["EASEL_OUTPUT_BUCKET"] == estate.values["output_bucket"]
        assert told["EASEL_RECORDS_TABLE"] == estate.values["records_table"]
        assert told["AWS_DEFAULT_REGION"] == estate.region
        assert agent["image"].startswith(estate.values["registry"])


def test_images_of_china_come_from_the_accounts_own_registry(estate: AppliedEstate) -> None:
    deployments = estate.kubernetes("apis/apps/v1/deployments")["items"]
    values = [
        release.get("config", {}) for kept in estate.releases().values() for release in kept[-1:]
    ]
    text = json.dumps([deployments, values])
    if estate.partition == "aws-cn":
        assert "public.ecr.aws" not in text
        assert "ghcr.io" not in text
        assert estate.values["registry"] in json.dumps(estate.releases()["karpenter"][-1]["config"])
        assert estate.values["registry"] in json.dumps(estate.releases()["keda"][-1]["config"])


def test_nothing_secret_is_in_the_state(estate: AppliedEstate) -> None:
    state = (estate.module.folder / "terraform.tfstate").read_text()
    own_token = (estate.home / "kubernetes" / "own-token").read_text()
    assert own_token not in state
    assert "k8s-aws-v1." not in state
    assert "BEGIN PRIVATE KEY" not in state


def test_the_webhooks_secret_is_in_secrets_manager_alone(estate: AppliedEstate) -> None:
    secret = estate.client("secretsmanager").get_secret_value(
        SecretId=estate.values["webhook_secret_arn"]
    )["SecretString"]
    assert secret.startswith("whsec_")
    assert secret not in (estate.module.folder / "terraform.tfstate").read_text()
