"""Who may do what in an applied environment, with IAM enforced: every role, its work and more.

A row that is refused is as much of the design as one that is allowed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.applied_estate import NAME, NAMESPACE, AppliedEstate

pytestmark = pytest.mark.integration

Client = Callable[..., Any]
Attempt = Callable[[Client, "Names"], Any]

REFUSED = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "UnauthorizedOperation",
}


@dataclass(frozen=True)
class Names:
    """What attempts name, of one environment."""

    estate: AppliedEstate

    @property
    def bucket(self) -> str:
        return str(self.estate.values["output_bucket"])

    @property
    def tasks_topic(self) -> str:
        return str(self.estate.values["tasks_topic_arn"])

    @property
    def notifications_topic(self) -> str:
        return str(self.estate.values["notifications_topic_arn"])

    def queue(self, runtime: str) -> str:
        return str(self.estate.values["runtimes"][runtime]["queue_url"])

    def dead_letters(self, runtime: str) -> str:
        return str(self.estate.values["runtimes"][runtime]["dead_letter_queue_url"])

    def interruptions(self) -> str:
        name = self.estate.values["interruption_queue_name"]
        return str(self.estate.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])

    @property
    def key(self) -> str:
        """The key of tasks and pictures."""
        key = self.estate.client("kms").describe_key(KeyId=f"alias/{NAME}-tasks")["KeyMetadata"]
        return str(key["KeyId"])


def publish(topic: str) -> Attempt:
    return lambda aws, names: aws("sns").publish(TopicArn=getattr(names, topic), Message="m")


def put(key: str) -> Attempt:
    return lambda aws, names: aws("s3").put_object(Bucket=names.bucket, Key=key, Body=b"b")


def get(key: str) -> Attempt:
    return lambda aws, names: aws("s3").get_object(Bucket=names.bucket, Key=key)


def on_queue(do: str, runtime: str, **arguments: Any) -> Attempt:
    return lambda aws, names: getattr(aws("sqs"), do)(QueueUrl=names.queue(runtime), **arguments)


def on_dead_letters(do: str, runtime: str, **arguments: Any) -> Attempt:
    return lambda aws, names: getattr(aws("sqs"), do)(
        QueueUrl=names.dead_letters(runtime), **arguments
    )


def on_interruptions(do: str, **arguments: Any) -> Attempt:
    return lambda aws, names: getattr(aws("sqs"), do)(QueueUrl=names.interruptions(), **arguments)


def end_instance(tags: dict[str, str]) -> Attempt:
    """Ends an instance with these tags, which is there for this."""

    def attempt(aws: Client, names: Names) -> None:
        ec2 = names.estate.client("ec2")
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        specification = [{"ResourceType": "instance", "Tags": listed}] if tags else []
        (instance,) = ec2.run_instances(
            ImageId="ami-12345678", MinCount=1, MaxCount=1, TagSpecifications=specification
        )["Instances"]
        ids = [instance["InstanceId"]]
        try:
            aws("ec2").terminate_instances(InstanceIds=ids)
        finally:
            ec2.terminate_instances(InstanceIds=ids)

    return attempt


def call(service: str, do: str, **arguments: Any) -> Attempt:
    return lambda aws, _: getattr(aws(service), do)(**arguments)


MESSAGE = {"MessageBody": "m"}
AT_ONCE = {"WaitTimeSeconds": 0}
COUNT = {"AttributeNames": ["ApproximateNumberOfMessages"]}
PAYLOAD = "_easel/payloads/estate.json"
OWN = "_easel/estate.json"
PICTURE = "out/estate/picture.png"

INTAKE = {
    "publish tasks": (publish("tasks_topic"), True),
    "publish notifications": (publish("notifications_topic"), False),
    "store a payload": (put(PAYLOAD), True),
    "store a picture": (put(PICTURE), False),
    "read a payload": (get(PAYLOAD), False),
    "list the bucket": (
        lambda aws, names: aws("s3").list_objects_v2(Bucket=names.bucket),
        False,
    ),
    "delete a payload": (
        lambda aws, names: aws("s3").delete_object(Bucket=names.bucket, Key=PAYLOAD),
        False,
    ),
    "receive from a runtime's queue": (on_queue("receive_message", "sdruntime", **AT_ONCE), False),
    "send to a runtime's queue": (on_queue("send_message", "sdruntime", **MESSAGE), False),
    "subscribe to a topic": (
        lambda aws, names: aws("sns").subscribe(
            TopicArn=names.tasks_topic, Protocol="email", Endpoint="a@example.com"
        ),
        False,
    ),
    "schedule the key's deletion": (
        lambda aws, names: aws("kms").schedule_key_deletion(KeyId=names.key),
        False,
    ),
}

AGENT = {
    "receive from its queue": (on_queue("receive_message", "sdruntime", **AT_ONCE), True),
    "count its queue": (on_queue("get_queue_attributes", "sdruntime", **COUNT), True),
    "send to its queue": (on_queue("send_message", "sdruntime", **MESSAGE), False),
    "purge its queue": (on_queue("purge_queue", "sdruntime"), False),
    "receive from another's queue": (on_queue("receive_message", "comfyui", **AT_ONCE), False),
    "count another's queue": (on_queue("get_queue_attributes", "comfyui", **COUNT), False),
    "bury a task": (on_dead_letters("send_message", "sdruntime", **MESSAGE), True),
    "dig a task up": (on_dead_letters("receive_message", "sdruntime", **AT_ONCE), False),
    "bury another's task": (on_dead_letters("send_message", "comfyui", **MESSAGE), False),
    "store a picture": (put(PICTURE), True),
    "read a picture": (get(PICTURE), True),
    "read a payload": (get(PAYLOAD), True),
    "change a payload": (put(PAYLOAD), False),
    "write into what is easel's own": (put(OWN), False),
    "delete a picture": (
        lambda aws, names: aws("s3").delete_object(Bucket=names.bucket, Key=PICTURE),
        False,
    ),
    "open the bucket": (
        lambda aws, names: aws("s3").put_bucket_policy(Bucket=names.bucket, Policy="{}"),
        False,
    ),
    "announce a result": (publish("notifications_topic"), True),
    "publish a task": (publish("tasks_topic"), False),
    "receive interruptions": (on_interruptions("receive_message", **AT_ONCE), False),
    "make a data key": (
        lambda aws, names: aws("kms").generate_data_key(KeyId=names.key, KeySpec="AES_256"),
        True,
    ),
    "disable the key": (lambda aws, names: aws("kms").disable_key(KeyId=names.key), False),
    "look at instances": (call("ec2", "describe_instances"), False),
    "look at the cluster": (call("eks", "describe_cluster", name=NAME), False),
    "make a user": (call("iam", "create_user", UserName="u"), False),
}

KEDA = {
    "count a runtime's queue": (on_queue("get_queue_attributes", "sdruntime", **COUNT), True),
    "count another's queue": (on_queue("get_queue_attributes", "comfyui", **COUNT), True),
    "count dead letters": (on_dead_letters("get_queue_attributes", "comfyui", **COUNT), False),
    "count interruptions": (on_interruptions("get_queue_attributes", **COUNT), False),
    "receive from a queue": (on_queue("receive_message", "sdruntime", **AT_ONCE), False),
    "send to a queue": (on_queue("send_message", "sdruntime", **MESSAGE), False),
    "purge a queue": (on_queue("purge_queue", "sdruntime"), False),
    "change a queue": (
        on_queue("set_queue_attributes", "sdruntime", Attributes={"VisibilityTimeout": "0"}),
        False,
    ),
    "list queues": (call("sqs", "list_queues"), False),
    "publish a task": (publish("tasks_topic"), False),
    "read a picture": (get(PICTURE), False),
    "look at instances": (call("ec2", "describe_instances"), False),
}

# All that is made for a NodePool of this cluster, or of another one, has these.
ITS_NODE = {f"kubernetes.io/cluster/{NAME}": "owned", "karpenter.sh/nodepool": "p"}
OTHERS_NODE = {"kubernetes.io/cluster/another": "owned", "karpenter.sh/nodepool": "p"}
SYSTEM_NODE = {f"kubernetes.io/cluster/{NAME}": "owned"}

# Of nodes only what the emulator asks IAM about with its resource and tags; the rest of what
# Karpenter is for is tried in test_estate_roles_karpenter.py.
KARPENTER = {
    "receive interruptions": (on_interruptions("receive_message", **AT_ONCE), True),
    "count interruptions": (on_interruptions("get_queue_attributes", **COUNT), False),
    "send an interruption": (on_interruptions("send_message", **MESSAGE), False),
    "receive a task": (on_queue("receive_message", "sdruntime", **AT_ONCE), False),
    "look at instances": (call("ec2", "describe_instances"), True),
    "look at instance types": (call("ec2", "describe_instance_types"), True),
    "look at subnets": (call("ec2", "describe_subnets"), True),
    "look at its cluster": (call("eks", "describe_cluster", name=NAME), True),
    "end its node": (end_instance(ITS_NODE), True),
    "end another cluster's node": (end_instance(OTHERS_NODE), False),
    "end a system node": (end_instance(SYSTEM_NODE), False),
    "end an instance without tags": (end_instance({}), False),
    "run an instance without tags": (
        call("ec2", "run_instances", MinCount=1, MaxCount=1, ImageId="ami-12345678"),
        False,
    ),
    "make a network": (call("ec2", "create_vpc", CidrBlock="10.9.0.0/16"), False),
    "delete its cluster": (call("eks", "delete_cluster", name=NAME), False),
    "make a role": (
        call("iam", "create_role", RoleName="r", AssumeRolePolicyDocument="{}"),
        False,
    ),
    "make an instance profile without tags": (
        call("iam", "create_instance_profile", InstanceProfileName="p"),
        False,
    ),
    "list buckets": (call("s3", "list_buckets"), False),
    "read a picture": (get(PICTURE), False),
    "publish a task": (publish("tasks_topic"), False),
}

TABLE = [
    pytest.param(role, attempt, allowed, id=f"{role}: {what}")
    for role, rows in {
        "intake": INTAKE,
        "agent": AGENT,
        "keda": KEDA,
        "karpenter": KARPENTER,
    }.items()
    for what, (attempt, allowed) in rows.items()
]


def clients_of(estate: AppliedEstate, role: str) -> Client:
    pods = {
        "agent": (NAMESPACE, "sdruntime"),
        "keda": ("keda", "keda-operator"),
        "karpenter": ("kube-system", "karpenter"),
    }
    if role in pods:
        return estate.pod(*pods[role])
    function = estate.client("lambda").get_function_configuration(
        FunctionName=estate.values["intake_function_name"]
    )
    # The emulator lets its root have what a service may have.
    keys = estate.client("sts").assume_role(RoleArn=function["Role"], RoleSessionName="intake")
    credentials = keys["Credentials"]
    return lambda service: estate.client(
        service,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


@pytest.fixture(autouse=True)
def objects(estate: AppliedEstate) -> None:
    """What attempts read, so that a refusal is no missing object."""
    s3 = estate.client("s3")
    for key in (PAYLOAD, PICTURE):
        s3.put_object(Bucket=estate.values["output_bucket"], Key=key, Body=b"{}")


@pytest.mark.parametrize(("role", "attempt", "allowed"), TABLE)
def test_a_role_may_do_its_work_and_no_more(
    estate: AppliedEstate, role: str, attempt: Attempt, allowed: bool
) -> None:
    outcome = "allowed"
    try:
        attempt(clients_of(estate, role), Names(estate))
    except ClientError as error:
        outcome = str(error.response["Error"]["Code"])
    assert outcome in ({"allowed"} if allowed else REFUSED)


def test_every_interruption_rule_sends_to_karpenters_queue(estate: AppliedEstate) -> None:
    events = estate.client("events")
    targets = [
        target["Arn"]
        for rule in events.list_rules()["Rules"]
        for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    ]
    queue = estate.client("sqs").get_queue_attributes(
        QueueUrl=Names(estate).interruptions(), AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    assert targets == [queue] * 5
