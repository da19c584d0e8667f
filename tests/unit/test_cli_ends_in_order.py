"""`easel submit` and `watch` leave no queue and no subscription, however they end."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import responses
from moto import mock_aws

from easel_cli.results import ResultSubscription
from easel_deploy.exit_status import ExitStatus

from .test_cli_tells_of_tasks import ENDPOINT, UID, Easel, easel

pytestmark = pytest.mark.unit

__all__ = ["easel"]


def left() -> list[Any]:
    sqs, sns = boto3.client("sqs", "us-east-1"), boto3.client("sns", "us-east-1")
    return sqs.list_queues().get("QueueUrls", []) + sns.list_subscriptions()["Subscriptions"]


def ends_here(number: signal.Signals) -> None:
    assert len(left()) == 2, "a queue and its subscription"
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    # Where a shell has started the tests in the background, they and what they call ignore SIGINT.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_submit_that_is_ended(easel: Easel, tmp_path: Path, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with mock_aws():
        topic = boto3.client("sns", "us-east-1").create_topic(Name="notifications")["TopicArn"]
        with responses.RequestsMock() as api:
            api.add_callback(
                responses.POST,
                f"{ENDPOINT}/v1alpha2",
                lambda _: ends_here(number),  # type: ignore[arg-type, return-value]
            )
            words = ("submit", "--prompt", "A dog", "--out", str(tmp_path))
            assert easel(*words, notifications_topic_arn=topic) == ExitStatus.INTERRUPTED
        assert left() == []
    assert signal.getsignal(number) is before


def test_a_watch_of_everything_goes_on_until_it_is_ended(
    easel: Easel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []

    def receive(_: ResultSubscription, wait_seconds: int) -> None:
        waits.append(wait_seconds)
        if len(waits) == 3:
            ends_here(signal.SIGTERM)

    monkeypatch.setattr(ResultSubscription, "_receive", receive)
    with mock_aws():
        topic = boto3.client("sns", "us-east-1").create_topic(Name="notifications")["TopicArn"]
        words = ("watch", "--out", str(tmp_path))
        assert easel(*words, notifications_topic_arn=topic) == ExitStatus.INTERRUPTED
        assert left() == []
    assert waits == [10, 10, 10]


def test_a_refused_submit(easel: Easel, tmp_path: Path) -> None:
    with mock_aws():
        topic = boto3.client("sns", "us-east-1").create_topic(Name="notifications")["TopicArn"]
        with responses.RequestsMock() as api:
            api.post(f"{ENDPOINT}/v1alpha2", status=400, json={"uid": UID})
            words = ("submit", "--prompt", "A dog", "--out", str(tmp_path))
            assert easel(*words, notifications_topic_arn=topic) == ExitStatus.REFUSED
        assert left() == []


@pytest.mark.parametrize(
    ("upscaler", "files"),
    [("ESRGAN_4X", "ESRGAN/ESRGAN_4X.pth"), ("4x-UltraSharp", "ESRGAN/4x-UltraSharp.pth")],
)
def test_an_upscaler_that_needs_a_file_says_which(
    easel: Easel, upscaler: str, files: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("submit", "--upscale", "2", "--image", "https://example.com/a.png", "--no-wait")
    with responses.RequestsMock() as api:
        answer = {"uid": UID, "output_location": "s3://outputs/a"}
        api.post(f"{ENDPOINT}/v1alpha2", status=202, json=answer)
        assert easel(*words, "--upscaler", upscaler) == ExitStatus.COMPLETED
        assert f"note: {upscaler} needs {files} in the model bucket" in capsys.readouterr().out
        assert easel(*words, "--upscaler", "Lanczos") == ExitStatus.COMPLETED
        assert "note:" not in capsys.readouterr().out
