"""Writes docs/samples/doctor.txt: `easel doctor` against the emulator, as it is seen.

`python -m tests.integration.doctor_transcript`. Offers of instance types, quotas and EKS are
answered here, held to botocore's models; the cluster is objects in memory.
"""

import io
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import yaml

from easel_contract.record import TaskRecord, TaskStatus, item_of
from easel_contract.uid import first_uid_at
from easel_doctor.check import Phase
from easel_doctor.spot_role import ROLE
from easel_doctor.verb import report
from easel_local.emulator import Emulator
from easel_local.kubernetes import ObjectStore, serving
from tests.doctor_world import Clients, custom_kinds, runtime, settings, subject
from tests.integration.snapshot_world import SnapshotWorld
from tests.stubbed_aws import answer
from tests.unit.records_table import create_table

TRANSCRIPT = Path(__file__).resolve().parents[2] / "docs" / "samples" / "doctor.txt"
REGION = "us-east-1"
IMAGE = {"repository": "easel/sd-webui", "tag": "1.10.2"}

HEAD = """\
`easel doctor` in us-east-1, from a run against the emulator (tests/integration/
doctor_transcript.py). Offers, quotas and EKS are answered by the test, the cluster is objects
in memory, the versions are made up.
"""


def transcript(folder: Path) -> str:
    """Runs the checks of both halves and returns what they print."""
    with Emulator(log_path=folder / "emulator.log", region=REGION) as emulator:
        make: Any = boto3.client

        def connect(service: str, region: str) -> Any:
            keys = emulator.credentials.keywords()
            return make(service, endpoint_url=emulator.endpoint_url, region_name=region, **keys)

        clients = Clients(REGION)
        world = SnapshotWorld(connect, REGION)
        for service in ("ec2", "ecr", "iam", "s3", "sts", "sqs", "cloudwatch", "dynamodb"):
            clients[service] = world.client(service)
        _answer_what_the_emulator_has_not(clients)
        told = settings(
            makes_model_bucket=True,
            public_access_cidrs=["203.0.113.8/32"],
            runtimes={"sdruntime": runtime(image=IMAGE)},
        )
        outputs = _stack(clients)
        with _machine(folder), serving(_cluster()) as url:
            texts = [_shown(subject(clients, told), "--before", Phase.BEFORE)]
            # Only now: before an apply nothing leads to a cluster.
            os.environ["EASEL_KUBECONFIG"] = str(_kubeconfig(folder, url))
            texts.append(_shown(subject(clients, told, outputs), "--after", Phase.AFTER))
    return "\n".join([HEAD, *texts])


def _shown(looked_at: Any, option: str, phase: Phase) -> str:
    printed = io.StringIO()
    report(looked_at, phase, json=False, to=printed)
    text = re.sub(r"python \d[\d.]*", "python 3.13.1", printed.getvalue())
    return f"$ easel doctor --env {REGION} {option}\n{text}"


def _answer_what_the_emulator_has_not(clients: Clients) -> None:
    types = ("g5.xlarge", "g4dn.xlarge")
    offers = [
        {"InstanceType": kind, "Location": f"{REGION}{zone}", "LocationType": "availability-zone"}
        for zone, kinds in (("a", types), ("b", types[:1]))
        for kind in kinds
    ]
    ec2 = clients["ec2"]
    answer(ec2, "describe_instance_type_offerings", {"InstanceTypeOfferings": offers})
    described = [{"InstanceType": kind, "VCpuInfo": {"DefaultVCpus": 4}} for kind in types]
    answer(ec2, "describe_instance_types", {"InstanceTypes": described})
    quotas = {"L-3819A6DF": 0.0, "L-DB2E81BA": 8.0, "L-F8E2BA85": 30000.0}
    answer(
        clients["service-quotas"],
        "get_service_quota",
        lambda asked: {"Quota": {"Value": quotas.get(asked["QuotaCode"], 5.0)}},
    )
    user = {"Account": "000000000000", "Arn": "arn:aws:iam::000000000000:user/deployer"}
    answer(clients["sts"], "get_caller_identity", user)
    answer(clients["iam"], "simulate_principal_policy", "AccessDenied")
    clients["iam"].create_role(RoleName=ROLE, AssumeRolePolicyDocument="{}")
    cluster = {"cluster": {"name": "easel", "status": "ACTIVE", "version": "1.35"}}
    answer(clients["eks"], "describe_cluster", cluster)
    metric = {"MetricDataResults": [{"Id": "q0", "Values": [1260.0]}]}
    answer(clients["cloudwatch"], "get_metric_data", metric)


def _stack(clients: Clients) -> dict[str, Any]:
    """Queues with three tasks and a dead letter, and a record; gives the outputs."""
    sqs = clients["sqs"]
    urls = {
        name: sqs.create_queue(QueueName=f"easel-sdruntime{name}")["QueueUrl"]
        for name in ("", "-dead-letter")
    }
    for _ in range(3):
        sqs.send_message(QueueUrl=urls[""], MessageBody="task")
    sqs.send_message(QueueUrl=urls["-dead-letter"], MessageBody="task")
    create_table(clients["dynamodb"], "easel-records")
    created = datetime.now(UTC) - timedelta(hours=3)
    fields: dict[str, Any] = {
        "id": "test-t2i",
        "tenant": "default",
        "scope": "default",
        "runtime": "sdruntime",
        "tasktype": "text-to-image",
        "prefix": "output",
        "status": TaskStatus.COMPLETED,
    }
    record = TaskRecord(
        uid=first_uid_at(created),
        created_at=created,
        expires_at=created + timedelta(days=30),
        **fields,
    )
    clients["dynamodb"].put_item(TableName="easel-records", Item=item_of(record))
    one = {
        "type": "sdwebui",
        "namespace": "easel-sdruntime",
        "queue_url": urls[""],
        "dead_letter_queue_url": urls["-dead-letter"],
    }
    named = {"cluster_name": "easel", "records_table": "easel-records"}
    return {**named, "runtimes": {"sdruntime": one}}


def _cluster() -> ObjectStore:
    """All releases, a node, and a pod whose image is not there."""
    store = ObjectStore()
    custom_kinds(store)
    for namespace, name in (
        ("kube-system", "karpenter-crd"),
        ("kube-system", "karpenter"),
        ("keda", "keda"),
        ("easel-sdruntime", "sdruntime"),
    ):
        store.apply(
            f"api/v1/namespaces/{namespace}",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        )
        labels = {"owner": "helm", "name": name, "version": "1", "status": "deployed"}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"labels": labels}}
        store.create(f"api/v1/namespaces/{namespace}/secrets/sh.helm.release.v1.{name}.v1", secret)
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    scaled: dict[str, Any] = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "status": ready,
    }
    scaled["spec"] = {"scaleTargetRef": {"name": "sdruntime"}}
    path = "apis/keda.sh/v1alpha1/namespaces/easel-sdruntime/scaledobjects/sdruntime"
    store.create(path, scaled)
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": ready}
    store.create("api/v1/nodes/n1", node)
    said = {"reason": "ImagePullBackOff", "message": "easel/sd-webui:1.10.2: not found"}
    status = {
        "phase": "Pending",
        "initContainerStatuses": [{"name": "runtime", "state": {"waiting": said}}],
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": []}, "status": status}
    store.create("api/v1/namespaces/easel-sdruntime/pods/sdruntime-6d9c7-x2x5p", pod)
    return store


@contextmanager
def _machine(folder: Path) -> Iterator[None]:
    """Programs of known versions, a known address, no kubeconfig that leads elsewhere."""
    programs = folder / "bin"
    programs.mkdir()
    for program, words in (
        ("terraform", "Terraform v1.11.4"),
        ("git", "git version 2.47.1"),
        ("helm", "v4.1.0"),
    ):
        (programs / program).write_text(f'#!/bin/sh\necho "{words}"\n')
        (programs / program).chmod(0o755)
    variables = {"PATH": str(programs), "EASEL_PUBLIC_ADDRESS": "203.0.113.7"}
    with mock.patch.dict(os.environ, variables):
        os.environ.pop("EASEL_KUBECONFIG", None)
        yield


def _kubeconfig(folder: Path, url: str) -> Path:
    content = {
        "clusters": [{"name": "memory", "cluster": {"server": url}}],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "memory", "user": "nobody"}}],
        "current-context": "c",
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return path


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        TRANSCRIPT.write_text(transcript(Path(name)))
