"""The proxy itself: it changes nothing unless told to, and then exactly what it was told."""

import urllib.request
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.aws_proxy import Fault, FaultKind
from tests.faults.scenario import Cloud

pytestmark = pytest.mark.integration


def client_through_the_proxy(cloud: Cloud, service: str) -> Any:
    make: Any = boto3.client
    return make(
        service,
        endpoint_url=cloud.proxy.endpoint_url,
        **cloud.emulator.credentials.keywords(),
        region_name="us-east-1",
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
    )


def test_objects_pass_unchanged_and_are_counted(cloud: Cloud) -> None:
    s3 = client_through_the_proxy(cloud, "s3")
    content = bytes(range(256)) * 8000
    before = cloud.proxy.calls()
    s3.create_bucket(Bucket="proxied")
    s3.put_object(Bucket="proxied", Key="a folder/ä.bin", Body=content)
    assert s3.get_object(Bucket="proxied", Key="a folder/ä.bin")["Body"].read() == content
    assert s3.head_object(Bucket="proxied", Key="a folder/ä.bin")["ContentLength"] == len(content)
    assert cloud.proxy.calls() - before == {
        "s3.CreateBucket": 1,
        "s3.PutObject": 1,
        "s3.GetObject": 1,
        "s3.HeadObject": 1,
    }


def test_a_presigned_url_still_fits_its_signature(cloud: Cloud) -> None:
    s3 = client_through_the_proxy(cloud, "s3")
    s3.create_bucket(Bucket="presigned")
    s3.put_object(Bucket="presigned", Key="k", Body=b"content")
    url = s3.generate_presigned_url("get_object", {"Bucket": "presigned", "Key": "k"})
    assert url.startswith(cloud.proxy.endpoint_url)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as answer:
        assert answer.read() == b"content"


@pytest.mark.parametrize("service", ["dynamodb", "s3", "sns", "sqs"])
def test_unavailable_is_an_error_of_that_service_and_ends(cloud: Cloud, service: str) -> None:
    client = client_through_the_proxy(cloud, service)
    calls = {
        "dynamodb": "list_tables",
        "s3": "list_buckets",
        "sns": "list_topics",
        "sqs": "list_queues",
    }
    call = getattr(client, calls[service])
    cloud.proxy.add_fault(Fault(kind=FaultKind.UNAVAILABLE, service=service, count=2))
    for _ in range(2):
        with pytest.raises(ClientError) as raised:
            call()
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    call()


def test_a_throttled_call_is_refused_as_dynamodb_refuses_it(cloud: Cloud) -> None:
    dynamodb = client_through_the_proxy(cloud, "dynamodb")
    before = cloud.proxy.calls()
    cloud.proxy.add_fault(Fault(kind=FaultKind.THROTTLE, service="dynamodb", count=1))
    with pytest.raises(ClientError) as raised:
        dynamodb.get_item(TableName="throttled", Key={"pk": {"S": "k"}})
    assert raised.value.response["Error"]["Code"] == "ThrottlingException"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert cloud.proxy.calls() - before == {"dynamodb.GetItem": 1}
    dynamodb.list_tables()


def test_a_cut_call_did_not_happen_and_one_with_a_lost_answer_did(cloud: Cloud) -> None:
    sqs = client_through_the_proxy(cloud, "sqs")
    url = cloud.aws.sqs.create_queue(QueueName="lost-answers")["QueueUrl"]
    for kind in (FaultKind.CUT, FaultKind.LOSE_ANSWER):
        cloud.proxy.add_fault(Fault(kind=kind, service="sqs", operation="SendMessage", count=1))
        with pytest.raises(BotoCoreError):
            sqs.send_message(QueueUrl=url, MessageBody=kind)
    received = cloud.aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    assert [message["Body"] for message in received["Messages"]] == [FaultKind.LOSE_ANSWER]


def test_a_fault_strikes_only_what_it_names(cloud: Cloud) -> None:
    s3 = client_through_the_proxy(cloud, "s3")
    s3.create_bucket(Bucket="named")
    fault = Fault(kind=FaultKind.UNAVAILABLE, service="s3", path="/named/_easel/*", count=1)
    cloud.proxy.add_fault(fault)
    s3.put_object(Bucket="named", Key="other", Body=b"")
    with pytest.raises(ClientError):
        s3.put_object(Bucket="named", Key="_easel/payloads/x.json", Body=b"{}")
    s3.put_object(Bucket="named", Key="_easel/payloads/x.json", Body=b"{}")
