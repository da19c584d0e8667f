"""A task reads the outputs of its own tenant, and no others in the output bucket."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from easel_agent.errors import RejectedTaskError
from easel_agent.fetch import FetchLimits
from easel_agent.inputs import InputLoader
from easel_agent.outputs import OutputStore
from easel_agent.runtimes.base import MadeFile
from easel_agent.urls import find_urls
from easel_contract.record import SHARED_SCOPE, TaskRecord
from easel_contract.task import TaskMessage
from easel_contract.uid import created_at_of, new_uid
from easel_records.acceptance import AcceptedTasks

from .agent_world import BUCKET as AGENT_BUCKET
from .agent_world import World

pytestmark = pytest.mark.unit

OUTPUTS, INPUTS = "outputs", "inputs"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
def s3() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        client = boto3.client("s3", region_name="us-east-1")
        for bucket in (OUTPUTS, INPUTS):
            client.create_bucket(Bucket=bucket)
        yield client


def read(s3: Any, uri: str, tenant: str) -> bytes:
    loader = InputLoader(s3, OUTPUTS, FetchLimits())
    return loader.fetch(find_urls({"mask": uri}), tenant)[uri]


def refusal(s3: Any, uri: str, tenant: str) -> str:
    with pytest.raises(RejectedTaskError) as refused:
        read(s3, uri, tenant)
    return str(refused.value).replace(uri, "it")


@pytest.mark.parametrize(
    ("scope", "readers"),
    [
        ("team-a", {"team-a"}),
        ("direct", {"direct"}),
        ("arn:aws:sts::123456789012:assumed-role/a", {"arn:aws:sts::123456789012:assumed-role/a"}),
        (SHARED_SCOPE, {"team-a", "team-b", "direct"}),
    ],
)
def test_an_output_is_read_by_its_own_tenant(s3: Any, scope: str, readers: set[str]) -> None:
    outputs = OutputStore(s3, OUTPUTS).begin("out", "t", scope)
    picture = outputs.store_file(1, MadeFile(PNG, "a.png"))
    answer = outputs.store_answer(b"{}")
    for tenant in {"team-a", "team-b", "direct", scope} - {SHARED_SCOPE}:
        if tenant in readers:
            assert read(s3, picture, tenant) == PNG
        else:
            for uri in (picture, answer, picture.replace("s3://", "S3://")):
                assert "is no object that this runtime may read (AccessDenied)" in refusal(
                    s3, uri, tenant
                )


def test_what_easel_keeps_for_itself_is_no_input(s3: Any) -> None:
    s3.put_object(Bucket=OUTPUTS, Key="_easel/payloads/x.json", Body=PNG)
    assert "is no object" in refusal(s3, f"s3://{OUTPUTS}/_easel/payloads/x.json", "team-a")


def test_what_no_task_made_is_everybodys(s3: Any) -> None:
    s3.put_object(Bucket=OUTPUTS, Key="uploads/face.png", Body=PNG)
    assert read(s3, f"s3://{OUTPUTS}/uploads/face.png", "team-b") == PNG


def test_another_bucket_is_not_ours_to_divide(s3: Any) -> None:
    s3.put_object(Bucket=INPUTS, Key="a.png", Body=PNG, Metadata={"easel-scope": "team-a"})
    assert read(s3, f"s3://{INPUTS}/a.png", "team-b") == PNG


@pytest.mark.parametrize(
    ("tenant", "scope", "outputs_of"),
    [
        ("team-a", "team-a", "team-a"),
        ("team-a", SHARED_SCOPE, SHARED_SCOPE),
        (None, None, "direct"),
    ],
)
def test_outputs_carry_the_scope_of_their_record(
    world: World, task: dict[str, Any], tenant: str | None, scope: str | None, outputs_of: str
) -> None:
    if tenant is not None and scope is not None:
        uid = new_uid()
        task |= {"uid": uid, "tenant": tenant}
        message = TaskMessage.model_validate(task)
        expires_at = created_at_of(uid).replace(year=2099)
        AcceptedTasks(world.table).add(
            TaskRecord.accepted(message, uid=uid, tenant=tenant, scope=scope, expires_at=expires_at)
        )
    world.send(task)
    [result] = world.results(1)
    assert result.output_url is not None
    for uri in [*result.image_url, result.output_url]:
        key = uri.removeprefix(f"s3://{AGENT_BUCKET}/")
        found = world.s3.head_object(Bucket=AGENT_BUCKET, Key=key)
        assert found["Metadata"] == {"easel-scope": outputs_of}
