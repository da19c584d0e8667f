"""No result that has come is lost, however many come at once."""

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from easel_cli.results import ResultSubscription

pytestmark = pytest.mark.unit


class Clients:
    """The clients that a subscription needs."""

    def __init__(self) -> None:
        self.sqs = boto3.client("sqs", region_name="us-east-1")
        self.sns = boto3.client("sns", region_name="us-east-1")


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield Clients()


def test_results_that_came_together_are_there_for_the_next_question(clients: Any) -> None:
    topic = clients.sns.create_topic(Name="notifications")["TopicArn"]
    with ResultSubscription(clients, topic) as subscription:
        for name in ("a", "b", "c"):
            result = {"id": name, "result": False, "status": "cancelled"}
            clients.sns.publish(TopicArn=topic, Message=json.dumps(result))
        asked_at = time.monotonic()
        found = [next(subscription.results(asked_at + 5)).id for _ in range(3)]
        assert sorted(found) == ["a", "b", "c"]
        assert list(subscription.results(asked_at)) == []
