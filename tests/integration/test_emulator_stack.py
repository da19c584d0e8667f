"""envs/local on the emulator, IAM enforced: who may do what, what reaches whom, what is left."""

import json
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from easel_local.emulator import Emulator
from easel_local.paths import ENVIRONMENT
from easel_local.terraform import Terraform, stack_environment

pytestmark = pytest.mark.integration

Client = Callable[..., Any]

CHECKPOINT = "v1-5-pruned-emaonly.safetensors"
RUNTIMES = {
    "sdruntime": {"type": "sdwebui", "model_filename": CHECKPOINT},
    "other": {"type": "sdwebui", "model_filename": "other.safetensors"},
    "pipelines": {"type": "comfyui", "model_filename": CHECKPOINT},
}
SECONDS_TO_DELIVER = 1
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class AppliedStack:
    environment: dict[str, str]
    outputs: dict[str, Any]
    client: Client

    def terraform(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["terraform", f"-chdir={ENVIRONMENT}", *arguments, "-input=false", "-no-color"],
            env=self.environment,
            capture_output=True,
            check=False,
            text=True,
            timeout=300,
        )

    def api_key(self) -> str:
        key_id = self.outputs["api_key_id"]
        key = self.client("apigateway").get_api_key(apiKey=key_id, includeValue=True)
        return str(key["value"])

    def post(self, path: str, body: Any, **headers: str) -> requests.Response:
        with requests.Session() as http:
            http.trust_env = False
            return http.post(
                self.outputs["endpoint"] + path, json=body, headers=headers, timeout=30
            )


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, client_of: Callable[[Emulator], Client]
) -> Iterator[AppliedStack]:
    home = tmp_path_factory.mktemp("stack")
    package = home / "intake.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.write(Path(__file__).parent / "intake_probe/handler.py", "easel_intake/handler.py")
        archive.writestr("easel_intake/__init__.py", "")
        for folder in (ROOT / "lambda/easel_probe", ROOT / "contract/easel_contract"):
            for file in folder.glob("*.py"):
                archive.write(file, f"{folder.name}/{file.name}")
    with Emulator(log_path=home / "emulator.log", enforce_iam=True) as emulator:
        variables = {
            "aws_endpoint_url": emulator.endpoint_url,
            "aws_credentials_file": str(emulator.credentials_path),
            "functions_package_path": str(package),
            "runtimes": RUNTIMES,
        }
        environment = stack_environment(home / "terraform", emulator.environment(), variables)
        terraform = Terraform(environment, home / "terraform.log")
        terraform.init()
        terraform.apply(lambda _: None)
        outputs = {name: output["value"] for name, output in terraform.outputs().items()}
        yield AppliedStack(environment, outputs, client_of(emulator))


def outcome(call: Callable[..., Any], **arguments: Any) -> str:
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "allowed"


def test_the_second_plan_is_empty(stack: AppliedStack) -> None:
    plan = stack.terraform("plan", "-detailed-exitcode")
    assert plan.returncode == 0, plan.stdout


DENIED = {"AuthorizationError", "AccessDenied", "AccessDeniedException"}


def test_the_intake_function_may_publish_tasks_and_store_payloads_only(stack: AppliedStack) -> None:
    outputs, key = stack.outputs, stack.api_key()

    def may(service: str, do: str, **arguments: Any) -> str:
        body = {"service": service, "do": do, "arguments": arguments}
        return str(stack.post("/v1alpha2", body, **{"x-api-key": key}).json())

    bucket = outputs["output_bucket"]
    assert may("sns", "publish", TopicArn=outputs["tasks_topic_arn"], Message="m") == "allowed"
    assert may("s3", "put_object", Bucket=bucket, Key="_easel/payloads/t", Body="{}") == "allowed"
    refused = [
        may("sns", "publish", TopicArn=outputs["notifications_topic_arn"], Message="m"),
        may("s3", "put_object", Bucket=bucket, Key="outputs/t.png", Body=""),
        may("s3", "get_object", Bucket=bucket, Key="_easel/payloads/t"),
        may("s3", "list_objects_v2", Bucket=bucket),
        may("sqs", "receive_message", QueueUrl=outputs["runtimes"]["sdruntime"]["queue_url"]),
        may("sqs", "send_message", QueueUrl=queue_url(stack, "other"), MessageBody="m"),
    ]
    assert set(refused) <= DENIED


def test_nobody_publishes_tasks_who_is_not_named(stack: AppliedStack) -> None:
    """Whatever his own policy allows; what SNS is asked is refused before a key is used."""
    iam = stack.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="administrator", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )["Role"]
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam.put_role_policy(
        RoleName="administrator",
        PolicyName="all",
        PolicyDocument=json.dumps({"Statement": [everything]}),
    )
    keys = stack.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="test")[
        "Credentials"
    ]
    sns = stack.client(
        "sns",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    assert outcome(sns.publish, TopicArn=stack.outputs["notifications_topic_arn"], Message="m") == (
        "allowed"
    )
    tasks = stack.outputs["tasks_topic_arn"]
    assert outcome(sns.publish, TopicArn=tasks, Message="m") in DENIED


def queue_url(stack: AppliedStack, runtime: str) -> str:
    return str(stack.outputs["runtimes"][runtime]["queue_url"])


@pytest.fixture(scope="module")
def agent(stack: AppliedStack) -> Client:
    """Clients with the rights of the queue agent of "sdruntime".

    Only EKS may assume its role, and there is no EKS here: a user with the same policy stands in.
    """
    iam = stack.client("iam")
    role_arn = stack.outputs["runtimes"]["sdruntime"]["role_arn"]
    role = role_arn.rpartition("/")[2]
    policies = {
        name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    }
    assert policies
    iam.create_user(UserName="agent")
    for name, policy in policies.items():
        iam.put_user_policy(UserName="agent", PolicyName=name, PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="agent")["AccessKey"]

    def client(service: str) -> Any:
        return stack.client(
            service,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )

    return client


def test_the_queue_agent_may_work_its_queue_only(stack: AppliedStack, agent: Client) -> None:
    sqs, own, other = agent("sqs"), queue_url(stack, "sdruntime"), queue_url(stack, "other")
    drain(stack, "sdruntime")
    stack.client("sqs").send_message(QueueUrl=own, MessageBody="m")
    received = sqs.receive_message(QueueUrl=own, WaitTimeSeconds=SECONDS_TO_DELIVER)["Messages"]
    handle = received[0]["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=own, ReceiptHandle=handle, VisibilityTimeout=60)
    sqs.get_queue_attributes(QueueUrl=own, AttributeNames=["All"])
    sqs.delete_message(QueueUrl=own, ReceiptHandle=handle)
    dead_letters = stack.outputs["runtimes"]["sdruntime"]["dead_letter_queue_url"]
    assert outcome(sqs.send_message, QueueUrl=dead_letters, MessageBody="m") == "allowed"
    refused = [
        outcome(sqs.send_message, QueueUrl=own, MessageBody="m"),
        outcome(sqs.purge_queue, QueueUrl=own),
        outcome(sqs.receive_message, QueueUrl=other),
        outcome(sqs.receive_message, QueueUrl=dead_letters),
    ]
    assert set(refused) <= DENIED


def test_the_queue_agent_may_store_and_announce_only(stack: AppliedStack, agent: Client) -> None:
    s3, sns, outputs = agent("s3"), agent("sns"), stack.outputs
    bucket = outputs["output_bucket"]
    stack.client("s3").put_object(Bucket=bucket, Key="_easel/payloads/task.json", Body=b"{}")
    s3.put_object(Bucket=bucket, Key="outputs/task/picture.png", Body=b"png")
    assert s3.get_object(Bucket=bucket, Key="_easel/payloads/task.json")["Body"].read() == b"{}"
    s3.head_object(Bucket=bucket, Key="outputs/task/picture.png")
    sns.publish(TopicArn=outputs["notifications_topic_arn"], Message="done")
    refused = [
        outcome(s3.delete_object, Bucket=bucket, Key="outputs/task/picture.png"),
        outcome(s3.list_objects_v2, Bucket=bucket),
        outcome(s3.put_bucket_policy, Bucket=bucket, Policy="{}"),
        outcome(sns.publish, TopicArn=outputs["tasks_topic_arn"], Message="m"),
    ]
    assert set(refused) <= DENIED


def drain(stack: AppliedStack, runtime: str) -> list[str]:
    """Receives and deletes what waits for a runtime; the messages' bodies."""
    sqs, url, bodies = stack.client("sqs"), queue_url(stack, runtime), []
    while messages := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=SECONDS_TO_DELIVER
    ).get("Messages"):
        for message in messages:
            bodies.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def test_a_task_reaches_exactly_one_runtime(stack: AppliedStack) -> None:
    published = {
        "by name": {"runtime": "sdruntime"},
        "by name of a comfyui runtime": {"runtime": "pipelines"},
        "by checkpoint": {"sd_model_checkpoint": CHECKPOINT},
        "by name, although another has the checkpoint": {
            "runtime": "other",
            "sd_model_checkpoint": CHECKPOINT,
        },
        "to an unknown runtime": {"runtime": "unknown", "sd_model_checkpoint": CHECKPOINT},
        "to an unknown checkpoint": {"sd_model_checkpoint": "unknown.ckpt"},
        "to no one": {},
    }
    for runtime in RUNTIMES:
        drain(stack, runtime)
    for body, attributes in published.items():
        stack.client("sns").publish(
            TopicArn=stack.outputs["tasks_topic_arn"],
            Message=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        )
    delivered = {runtime: sorted(drain(stack, runtime)) for runtime in RUNTIMES}
    assert delivered == {
        "sdruntime": ["by checkpoint", "by name"],
        "other": ["by name, although another has the checkpoint"],
        "pipelines": ["by name of a comfyui runtime"],
    }


@pytest.mark.parametrize(
    ("path", "body", "with_key", "status", "code"),
    [
        ("/v1alpha2", {}, False, 401, "unauthorized"),
        ("/v1alpha1", {}, False, 401, "unauthorized"),
        ("/v1alpha3", {}, True, 404, "not_found"),
        ("/v1alpha2", ["not", "an", "object"], True, 400, "invalid_request"),
    ],
)
def test_the_gateways_own_answers_have_our_form(
    stack: AppliedStack, path: str, body: Any, with_key: bool, status: int, code: str
) -> None:
    headers = {"x-api-key": stack.api_key()} if with_key else {}
    answer = stack.post(path, body, **headers)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error.keys() == {"code", "message", "details"}
    assert error["code"] == code
    assert error["message"]


def test_a_wrong_key_is_401(stack: AppliedStack) -> None:
    answer = stack.post("/v1alpha2", {}, **{"x-api-key": "x" * 32})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")


# Last: it takes the stack away.
def test_destroy_leaves_nothing_but_keys_waiting_for_deletion(stack: AppliedStack) -> None:
    destroyed = stack.terraform("destroy", "-auto-approve")
    assert destroyed.returncode == 0, destroyed.stderr
    client = stack.client
    left = {
        "queues": client("sqs").list_queues().get("QueueUrls", []),
        "topics": client("sns").list_topics()["Topics"],
        "buckets": client("s3").list_buckets()["Buckets"],
        "functions": client("lambda").list_functions()["Functions"],
        "apis": client("apigateway").get_rest_apis()["items"],
        "api keys": client("apigateway").get_api_keys()["items"],
        "usage plans": client("apigateway").get_usage_plans()["items"],
        "log groups": client("logs").describe_log_groups()["logGroups"],
        "roles": [
            role["RoleName"]
            for role in client("iam").list_roles()["Roles"]
            if role["RoleName"].startswith("easel-")
        ],
    }
    assert {kind: items for kind, items in left.items() if items} == {}
    keys = [
        client("kms").describe_key(KeyId=key["KeyId"])["KeyMetadata"]
        for key in client("kms").list_keys()["Keys"]
    ]
    ours = [key["KeyState"] for key in keys if key["KeyManager"] == "CUSTOMER"]
    assert ours == ["PendingDeletion"]
