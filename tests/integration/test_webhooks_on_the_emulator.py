"""A published result comes to its receiver by SNS, SQS and Lambda, with the fewest rights."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from easel_contract.result import ResultStatus, TaskResult
from easel_local.emulator import Emulator
from tests.integration.webhook_receiver import Answer, WebhookReceiver

pytestmark = pytest.mark.integration

Client = Callable[..., Any]

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("contract/easel_contract", "egress/easel_egress", "lambda/easel_webhook")
SECRET = "whsec_" + "b2xk" * 8
DEADLINE_SECONDS = 30


def await_that(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)
    return found


def body_of(event_id: str) -> str:
    status = ResultStatus.COMPLETED
    return TaskResult(id="a-dog", result=True, status=status, event_id=event_id).to_json()


def package() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for source in map(ROOT.joinpath, PACKAGES):
            for path in source.rglob("*.py"):
                archive.write(path, path.relative_to(source.parent))
    return file.getvalue()


@dataclass(frozen=True)
class Webhooks:
    """The way of callbacks in an emulator of its own."""

    client: Client
    topic: str
    queue: str
    dead_letters: str

    def publish(self, body: str, url: str | None) -> None:
        names = {"status": "completed"} | ({"callback_url": url} if url else {})
        self.client("sns").publish(
            TopicArn=self.topic,
            Message=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in names.items()
            },
        )

    def counts(self) -> list[int]:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.client("sqs").get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)
        return [int(answer["Attributes"][name]) for name in names]

    def dead(self) -> Any:
        return (
            self.client("sqs")
            .receive_message(QueueUrl=self.dead_letters, MessageAttributeNames=["All"])
            .get("Messages")
        )


def make_role(client: Client, queue: str, dead_letters: str, secret: str) -> str:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    consume = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility")
    allowed = {
        queue: [f"sqs:{action}" for action in consume],
        dead_letters: ["sqs:SendMessage"],
        secret: ["secretsmanager:GetSecretValue"],
    }
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": arn}
            for arn, actions in allowed.items()
        ],
    }
    iam = client("iam")
    role = iam.create_role(RoleName="webhook", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName="webhook", PolicyName="webhook", PolicyDocument=json.dumps(policy))
    arn: str = role["Role"]["Arn"]
    return arn


def let_publish(client: Client, topic: str, queue: str, queue_arn: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})


def make_queue(client: Client, name: str, **attributes: str) -> tuple[str, str]:
    sqs = client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, answer["Attributes"]["QueueArn"]


def make_webhooks(client: Client, ca_file: Path) -> Webhooks:
    dead_letters, dead_letters_arn = make_queue(client, "webhooks-dead")
    queue, queue_arn = make_queue(client, "webhooks", VisibilityTimeout="180")
    topic = client("sns").create_topic(Name="notifications")["TopicArn"]
    let_publish(client, topic, queue, queue_arn)
    client("sns").subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=queue_arn,
        Attributes={
            "RawMessageDelivery": "true",
            "FilterPolicy": json.dumps({"callback_url": [{"exists": True}]}),
        },
    )
    secret = client("secretsmanager").create_secret(Name="webhooks", SecretString=SECRET)["ARN"]
    environment = {
        "EASEL_WEBHOOK_SECRET_ARN": secret,
        "EASEL_WEBHOOK_QUEUE_URL": queue,
        "EASEL_WEBHOOK_DEAD_LETTER_QUEUE_URL": dead_letters,
        "EASEL_CALLBACK_HOSTS": "[]",
        "EASEL_CALLBACK_PRIVATE_HOSTS": '["localhost"]',
        "EASEL_WEBHOOK_CA_FILE": str(ca_file),
        "EASEL_LOG_LEVEL": "INFO",
    }
    role = make_role(client, queue_arn, dead_letters_arn, secret)
    make_function(client, role, queue_arn, environment)
    return Webhooks(client, topic, queue, dead_letters)


def make_function(client: Client, role: str, queue_arn: str, environment: dict[str, str]) -> None:
    client("lambda").create_function(
        FunctionName="webhook",
        Runtime="python3.13",
        Handler="easel_webhook.handler.handler",
        Role=role,
        Code={"ZipFile": package()},
        Timeout=30,
        Environment={"Variables": environment},
    )
    client("lambda").create_event_source_mapping(
        EventSourceArn=queue_arn,
        FunctionName="webhook",
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebhookReceiver]:
    with WebhookReceiver(tmp_path_factory.mktemp("receiver")) as running:
        yield running


@pytest.fixture(scope="module")
def webhooks(
    tmp_path_factory: pytest.TempPathFactory,
    client_of: Callable[[Emulator], Client],
    receiver: WebhookReceiver,
) -> Iterator[Webhooks]:
    log = tmp_path_factory.mktemp("webhooks") / "emulator.log"
    with Emulator(log_path=log, enforce_iam=True) as emulator:
        yield make_webhooks(client_of(emulator), receiver.ca_file)


def deliveries(receiver: WebhookReceiver, event_id: str) -> list[Any]:
    return [one for one in receiver.deliveries if one.headers["webhook-id"] == event_id]


def test_a_result_with_a_url_is_delivered(webhooks: Webhooks, receiver: WebhookReceiver) -> None:
    webhooks.publish(body_of("other"), None)
    webhooks.publish(body_of("delivered"), receiver.url)
    (delivery,) = await_that(lambda: deliveries(receiver, "delivered"))
    assert delivery.body == body_of("delivered").encode()
    assert Webhook(SECRET).verify(delivery.body, delivery.headers)["id"] == "a-dog"
    await_that(lambda: webhooks.counts() == [0, 0])
    assert deliveries(receiver, "other") == []


def test_after_a_500_it_comes_again_by_the_schedule(
    webhooks: Webhooks, receiver: WebhookReceiver
) -> None:
    receiver.answers.append(Answer(500))
    webhooks.publish(body_of("again"), receiver.url)
    await_that(lambda: deliveries(receiver, "again"))
    first = time.monotonic()
    await_that(lambda: len(deliveries(receiver, "again")) == 2)
    assert 4 < time.monotonic() - first < 30  # five seconds, not the queue's 180
    await_that(lambda: webhooks.counts() == [0, 0])


def test_a_refused_address_is_a_dead_letter_at_once(
    webhooks: Webhooks, receiver: WebhookReceiver
) -> None:
    port = receiver.url.rpartition(":")[2].partition("/")[0]
    webhooks.publish(body_of("refused"), f"https://127.0.0.1:{port}/?token=secret-of-the-url")
    (letter,) = await_that(webhooks.dead)
    assert letter["Body"] == body_of("refused")
    reason = letter["MessageAttributes"]["dead_letter_reason"]["StringValue"]
    assert reason == "the host is not at a public address"
    assert deliveries(receiver, "refused") == []
    await_that(lambda: webhooks.counts() == [0, 0])
