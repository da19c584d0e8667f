"""A canary for EKS Pod Identity: what ministack does without the bridge, and what AWS does.

Where the first half of a test fails, ministack no longer needs the bridge: remove it.
"""

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from easel_local.estate.pod_identity import ServiceAccount
from tests.integration.pod_session import pod_clients
from tests.integration.test_emulator_bridges_eks import new_cluster

pytestmark = pytest.mark.integration

Client = Callable[..., Any]


def new_association(client: Client, cluster: dict[str, Any], **condition: Any) -> str:
    """A role that pods of ns/sa may have under a condition; the ARN of its queue."""
    name = f"pods-{secrets.token_hex(4)}"
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": condition,
    }
    queue = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    allow = {"Effect": "Allow", "Action": "sqs:GetQueueUrl", "Resource": queue}
    iam = client("iam")
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )["Role"]["Arn"]
    policy = json.dumps({"Statement": [allow]})
    iam.put_role_policy(RoleName=name, PolicyName="queue", PolicyDocument=policy)
    client("sqs").create_queue(QueueName=name)
    client("eks").create_pod_identity_association(
        clusterName=cluster["name"], namespace="ns", serviceAccount="sa", roleArn=role
    )
    return name


def test_a_pod_gets_the_role_of_its_service_account(bare: Client, client: Client) -> None:
    cluster = new_cluster(bare)
    new_association(bare, cluster)
    with pytest.raises(ClientError):
        pod_clients(bare, cluster["name"], "ns", "sa")

    cluster = new_cluster(client)
    name = new_association(client, cluster, ArnEquals={"aws:SourceArn": cluster["arn"]})
    of_pod = pod_clients(client, cluster["name"], "ns", "sa")
    assert f":assumed-role/{name}/" in of_pod("sts").get_caller_identity()["Arn"]
    assert of_pod("sqs").get_queue_url(QueueName=name)["QueueUrl"].endswith(name)
    with pytest.raises(ClientError, match="AccessDenied"):
        of_pod("sqs").list_queues()


@pytest.mark.parametrize(
    "condition",
    [
        {"ArnEquals": {"aws:SourceArn": "arn:aws:eks:us-east-1:000000000000:cluster/another"}},
        {"StringEquals": {"aws:SourceAccount": "111111111111"}},
        {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "another"}},
        {"StringEquals": {"aws:RequestTag/kubernetes-service-account": "another"}},
    ],
)
def test_a_role_that_does_not_trust_the_pod_is_not_given(
    client: Client, condition: dict[str, Any]
) -> None:
    cluster = new_cluster(client)
    new_association(client, cluster, **condition)
    with pytest.raises(ClientError, match="does not trust these pods"):
        pod_clients(client, cluster["name"], "ns", "sa")


def test_a_role_of_another_service_is_not_given(client: Client) -> None:
    cluster = new_cluster(client)  # with a role that only eks.amazonaws.com may have
    client("eks").create_pod_identity_association(
        clusterName=cluster["name"],
        namespace="ns",
        serviceAccount="sa",
        roleArn=cluster["roleArn"],
    )
    with pytest.raises(ClientError, match="does not trust these pods"):
        pod_clients(client, cluster["name"], "ns", "sa")


def test_a_service_account_without_an_association_has_no_role(client: Client) -> None:
    cluster = new_cluster(client)
    with pytest.raises(ClientError, match="no association for ns/nobody"):
        pod_clients(client, cluster["name"], "ns", "nobody")


def test_what_is_no_service_accounts_token_is_refused(client: Client) -> None:
    cluster = new_cluster(client)
    for token in ("x", "a.b.c", ServiceAccount("c", "ns", "sa").token().replace(".", "")):
        with pytest.raises(ClientError, match="InvalidToken"):
            client("eks-auth").assume_role_for_pod_identity(
                clusterName=cluster["name"], token=token
            )
