"""The probe that Terraform runs, on the emulator: a subscription is late, or never acts at all."""

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from easel_contract.probe import ProbeOrder
from easel_local.emulator import Emulator
from easel_local.paths import FUNCTIONS_PACKAGE
from easel_packaging.package_functions import package

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
GLUE = ROOT / "modules/helm-release/easel-deploy"
Client = Callable[..., Any]


class ProbedStack:
    """A topic, the probe function with its role, and a queue that nothing is routed to yet."""

    def __init__(self, client: Client, name: str) -> None:
        self.sns, self.sqs = client("sns"), client("sqs")
        self.topic_arn = self.sns.create_topic(Name=f"{name}-tasks")["TopicArn"]
        self.function_name = f"{name}-probe"
        role = self._role(client("iam"), f"{name}-probe")
        client("lambda").create_function(
            FunctionName=self.function_name,
            Runtime="python3.13",
            Handler="easel_probe.handler.handler",
            Role=role,
            Timeout=30,
            Code={"ZipFile": FUNCTIONS_PACKAGE.read_bytes()},
            Environment={"Variables": {"EASEL_TASKS_TOPIC_ARN": self.topic_arn}},
        )
        self.queue_url = self.sqs.create_queue(QueueName=f"{name}-sdruntime")["QueueUrl"]
        self.queue_arn = self._arn(self.queue_url)
        policy = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}}
        policy |= {"Action": "sqs:SendMessage", "Resource": self.queue_arn}  # type: ignore[dict-item]
        self.sqs.set_queue_attributes(
            QueueUrl=self.queue_url, Attributes={"Policy": json.dumps({"Statement": [policy]})}
        )

    def _role(self, iam: Any, name: str) -> str:
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
        trust |= {"Action": "sts:AssumeRole"}  # type: ignore[dict-item]
        role = iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
        )["Role"]
        publish = {"Effect": "Allow", "Action": "sns:Publish", "Resource": self.topic_arn}
        iam.put_role_policy(
            RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Statement": [publish]})
        )
        return str(role["Arn"])

    def _arn(self, url: str) -> str:
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def subscribe(self, runtime: str = "sdruntime") -> None:
        self.sns.subscribe(
            TopicArn=self.topic_arn,
            Protocol="sqs",
            Endpoint=self.queue_arn,
            Attributes={
                "RawMessageDelivery": "true",
                "FilterPolicy": json.dumps({"runtime": [runtime]}),
            },
        )

    def bodies(self) -> list[str]:
        found: list[str] = []
        while messages := self.sqs.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        ).get("Messages"):
            found += [message["Body"] for message in messages]
        return found


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, client_of: Callable[[Emulator], Client]
) -> Iterator[tuple[Emulator, Client]]:
    if not FUNCTIONS_PACKAGE.exists():
        package("local", FUNCTIONS_PACKAGE)
    log = tmp_path_factory.mktemp("probe") / "emulator.log"
    with Emulator(log_path=log, enforce_iam=True) as emulator:
        yield emulator, client_of(emulator)


@pytest.fixture
def stack(world: tuple[Emulator, Client], request: pytest.FixtureRequest) -> ProbedStack:
    name = re.sub(r"[^a-z]+", "-", request.node.name.lower())[-20:].strip("-")
    return ProbedStack(world[1], name)


def probe(
    world: tuple[Emulator, Client], stack: ProbedStack, seconds: float = 60
) -> "subprocess.CompletedProcess[str]":
    request = {
        "region": "us-east-1",
        "runtime": "sdruntime",
        "function_name": stack.function_name,
        "queue_url": stack.queue_url,
        "timeout_seconds": seconds,
    }
    return subprocess.run(
        [str(GLUE), "runtime probe"],
        env={
            "PATH": os.environ["PATH"],
            **world[0].environment(),
            "EASEL_PROBE": json.dumps(request),
        },
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )


def test_a_subscription_that_acts_is_found_at_once(
    world: tuple[Emulator, Client], stack: ProbedStack
) -> None:
    stack.subscribe()
    ended = probe(world, stack)
    assert ended.returncode == 0, ended.stderr
    assert "runtime sdruntime: tasks reach its queue: 12 probes in a row arrived" in ended.stdout
    assert stack.bodies() == []


def test_a_late_subscription_is_waited_for(
    world: tuple[Emulator, Client], stack: ProbedStack
) -> None:
    started = time.monotonic()
    late = threading.Timer(20, stack.subscribe)
    late.start()
    ended = probe(world, stack)
    late.join()
    assert ended.returncode == 0, ended.stderr
    assert time.monotonic() - started > 20
    assert "0 of " in ended.stdout.splitlines()[0]
    assert "tasks reach its queue" in ended.stdout.splitlines()[-1]
    assert stack.bodies() == []


def test_a_filter_for_another_runtime_fails_the_apply(
    world: tuple[Emulator, Client], stack: ProbedStack
) -> None:
    stack.subscribe("other")
    ended = probe(world, stack, seconds=10)
    assert ended.returncode == 1
    assert "Tasks do not reach runtime sdruntime" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert stack.bodies() == []


def test_tasks_that_wait_already_are_left_in_the_queue(
    world: tuple[Emulator, Client], stack: ProbedStack
) -> None:
    stack.subscribe()
    for number in range(15):
        stack.sqs.send_message(QueueUrl=stack.queue_url, MessageBody=f"task {number}")
    left_over = ProbeOrder(runtime="sdruntime", run="0123456789abcdef", first=1, count=1)
    stack.sqs.send_message(
        QueueUrl=stack.queue_url, MessageBody=left_over.messages()[0].model_dump_json()
    )
    ended = probe(world, stack)
    assert ended.returncode == 0, ended.stderr
    found: set[str] = set()
    deadline = time.monotonic() + 30
    while len(found) < 15 and time.monotonic() < deadline:
        found |= set(stack.bodies())
    assert found == {f"task {number}" for number in range(15)}


def test_a_function_that_may_not_publish_is_named(
    world: tuple[Emulator, Client], stack: ProbedStack
) -> None:
    stack.subscribe()
    world[1]("iam").delete_role_policy(RoleName=stack.function_name, PolicyName="p")
    ended = probe(world, stack, seconds=5)
    assert ended.returncode == 1
    assert "AuthorizationError" in ended.stderr or "AccessDenied" in ended.stderr
    assert "Traceback" not in ended.stderr
