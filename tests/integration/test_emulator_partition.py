"""The emulator in China: ARNs of aws-cn to the client, and what must pass as it is."""

import io
import json
import uuid
import zipfile
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from botocore.exceptions import ClientError

from easel_local.emulator import Emulator

pytestmark = pytest.mark.integration

Client = Callable[..., Any]

OF_BOTH = b'{"here": "arn:aws-cn:s3:::a", "there": "arn:aws:s3:::b"} \xff\x00'


@pytest.fixture(scope="module")
def emulator_in_china(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    log = tmp_path_factory.mktemp("china") / "emulator.log"
    with Emulator(log_path=log, region="cn-northwest-1", enforce_iam=True) as running:
        yield running


@pytest.fixture(scope="module")
def china(emulator_in_china: Emulator, client_of: Callable[[Emulator], Client]) -> Client:
    return client_of(emulator_in_china)


def queue_of(client: Client, name: str) -> tuple[str, str]:
    """URL and ARN."""
    sqs = client("sqs")
    url = str(sqs.create_queue(QueueName=name)["QueueUrl"])
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return url, str(attributes["QueueArn"])


def role_of(client: Client, name: str, *statements: dict[str, Any]) -> Client:
    """Clients of a new role that is assumed."""
    iam, account = client("iam"), "arn:aws-cn:iam::000000000000:root"
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )["Role"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=policy)
    session = client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="session")
    keys = session["Credentials"]

    def of_role(service: str) -> Any:
        return client(
            service,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    return of_role


def test_the_environment_has_the_region(emulator_in_china: Emulator) -> None:
    environment = emulator_in_china.environment()
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "cn-northwest-1"


def test_two_partitions_live_in_one_process(china: Client) -> None:
    assert china("sts").get_caller_identity()["Arn"] == "arn:aws-cn:iam::000000000000:root"
    america = china("sts", region="us-east-1").get_caller_identity()
    assert america["Arn"] == "arn:aws:iam::000000000000:root"
    _, here = queue_of(china, "both")
    _, there = queue_of(lambda service: china(service, region="us-east-1"), "both")
    assert here == "arn:aws-cn:sqs:cn-northwest-1:000000000000:both"
    assert there == "arn:aws:sqs:us-east-1:000000000000:both"


def test_every_form_of_an_arn_comes_back_in_the_partition(china: Client) -> None:
    topic = china("sns").create_topic(Name="forms")["TopicArn"]  # query protocol, XML
    _, queue = queue_of(china, "forms")  # JSON
    assert topic == "arn:aws-cn:sns:cn-northwest-1:000000000000:forms"
    subscription = china("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue, ReturnSubscriptionArn=True
    )["SubscriptionArn"]
    assert subscription.startswith(topic)
    china("sns").tag_resource(ResourceArn=topic, Tags=[{"Key": "of", "Value": queue}])
    tags = china("sns").list_tags_for_resource(ResourceArn=topic)["Tags"]
    assert tags == [{"Key": "of", "Value": queue}]
    # an ARN in a path, percent-encoded, and a policy document, percent-encoded in IAM's answer
    role_of(china, "forms", {"Effect": "Allow", "Action": "sqs:*", "Resource": queue})
    found = china("iam").get_role_policy(RoleName="forms", PolicyName="policy")["PolicyDocument"]
    assert found["Statement"][0]["Resource"] == queue
    api = china("apigateway").create_rest_api(name="forms", tags={"of": queue})["id"]
    arn = f"arn:aws-cn:apigateway:cn-northwest-1::/restapis/{api}"
    assert china("apigateway").get_tags(resourceArn=arn)["tags"] == {"of": queue}


def test_a_bucket_policy_is_text_and_an_object_is_not(china: Client) -> None:
    s3 = china("s3")
    s3.create_bucket(
        Bucket="china", CreateBucketConfiguration={"LocationConstraint": "cn-northwest-1"}
    )
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObject",
        "Resource": "arn:aws-cn:s3:::china/*",
    }
    s3.put_bucket_policy(Bucket="china", Policy=json.dumps({"Statement": [deny]}))
    assert json.loads(s3.get_bucket_policy(Bucket="china")["Policy"])["Statement"] == [deny]

    rights = {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws-cn:s3:::china/*"}
    of_role = role_of(china, "objects", rights)("s3")
    of_role.put_object(Bucket="china", Key="arn:aws-cn:key", Body=OF_BOTH)
    assert of_role.get_object(Bucket="china", Key="arn:aws-cn:key")["Body"].read() == OF_BOTH
    large = OF_BOTH * 200_000  # in parts
    of_role.upload_fileobj(io.BytesIO(large), "china", "large")
    assert of_role.get_object(Bucket="china", Key="large")["Body"].read() == large
    with pytest.raises(ClientError, match="AccessDenied") as refused:
        of_role.delete_object(Bucket="china", Key="large")
    assert "arn:aws-cn:" in str(refused.value)


def test_a_presigned_url_gives_the_object_as_it_is(china: Client) -> None:
    s3, bucket = china("s3"), "presigned"
    s3.create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "cn-northwest-1"}
    )
    rights = {"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:aws-cn:s3:::{bucket}/*"}
    of_role = role_of(china, "presigned", rights)("s3")
    of_role.put_object(Bucket=bucket, Key="picture", Body=OF_BOTH)
    url = of_role.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "picture"})
    with requests.Session() as http:
        http.trust_env = False
        assert http.get(url, timeout=10).content == OF_BOTH
        forged = http.get(url.replace("/picture?", "/other?"), timeout=10)
    assert forged.status_code == 403
    assert urlsplit(url).scheme == "http"


def test_a_role_in_china_may_do_what_its_policy_says_and_no_more(china: Client) -> None:
    own, own_arn = queue_of(china, "own")
    other, _ = queue_of(china, "other")
    allow = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": own_arn}
    of_role = role_of(china, "sender", allow)
    caller = of_role("sts").get_caller_identity()["Arn"]
    assert caller == "arn:aws-cn:sts::000000000000:assumed-role/sender/session"
    of_role("sqs").send_message(QueueUrl=own, MessageBody="m")
    for refused in (
        lambda: of_role("sqs").send_message(QueueUrl=other, MessageBody="m"),
        lambda: of_role("sqs").receive_message(QueueUrl=own),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            refused()


def test_a_wrong_signature_is_refused_in_china_too(china: Client) -> None:
    url, arn = queue_of(china, "signed")
    user = china("iam").create_user(UserName="signer")["User"]["UserName"]
    allow = {"Effect": "Allow", "Action": "sqs:*", "Resource": arn}
    china("iam").put_user_policy(
        UserName=user, PolicyName="all", PolicyDocument=json.dumps({"Statement": [allow]})
    )
    key = china("iam").create_access_key(UserName=user)["AccessKey"]

    def with_secret(secret: str) -> Any:
        return china(
            "sqs", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=secret
        ).send_message(QueueUrl=url, MessageBody=arn)

    with_secret(key["SecretAccessKey"])
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        with_secret("x" * 40)


def test_a_message_arrives_as_it_was_sent(china: Client) -> None:
    url, arn = queue_of(china, "messages")
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    china("sqs").set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": json.dumps({"Statement": [allow]})}
    )
    topic = china("sns").create_topic(Name="messages")["TopicArn"]
    raw = {"RawMessageDelivery": "true"}
    china("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=raw)
    china("sqs").send_message(QueueUrl=url, MessageBody=f"sent to {arn}")
    china("sns").publish(TopicArn=topic, Message=f"published to {topic}")
    bodies = set()
    while len(bodies) < 2:
        answer = china("sqs").receive_message(
            QueueUrl=url, WaitTimeSeconds=5, MaxNumberOfMessages=10
        )
        assert answer.get("Messages"), f"only {bodies} arrived"
        bodies |= {message["Body"] for message in answer["Messages"]}
    assert bodies == {f"sent to {arn}", f"published to {topic}"}


SOURCE = """
import os
def handler(event, context):
    return {"event": event, "context": context.invoked_function_arn, "topic": os.environ["TOPIC"]}
"""


def test_a_function_sees_the_partition_in_variables_event_and_context(china: Client) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("function.py", SOURCE)
    role_of(china, "in-china", {"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"})
    topic = "arn:aws-cn:sns:cn-northwest-1:000000000000:tasks"
    created = china("lambda").create_function(
        FunctionName="in-china",
        Runtime="python3.13",
        Handler="function.handler",
        Role="arn:aws-cn:iam::000000000000:role/in-china",
        Code={"ZipFile": package.getvalue()},
        Environment={"Variables": {"TOPIC": topic}},
    )
    answer = china("lambda").invoke(FunctionName="in-china", Payload=json.dumps({"of": topic}))
    assert json.load(answer["Payload"]) == {
        "event": {"of": topic},
        "context": created["FunctionArn"],
        "topic": topic,
    }
    assert created["FunctionArn"].startswith("arn:aws-cn:lambda:cn-northwest-1:")


def test_host_names_of_china_have_their_suffix(china: Client) -> None:
    repository = china("ecr").create_repository(repositoryName="easel/agent")["repository"]
    registry = "000000000000.dkr.ecr.cn-northwest-1.amazonaws.com.cn"
    assert repository["repositoryUri"] == f"{registry}/easel/agent"


def test_a_table_is_described_at_the_first_request(china: Client) -> None:
    """An answer whose checksum is not its body's is asked for again: CreateTable then fails."""
    dynamodb = china("dynamodb")
    name = f"checksums-{uuid.uuid4().hex}"
    answer = dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    assert answer["TableDescription"]["TableArn"].startswith("arn:aws-cn:dynamodb:cn-northwest-1:")
    assert answer["ResponseMetadata"]["RetryAttempts"] == 0
    dynamodb.delete_table(TableName=name)
