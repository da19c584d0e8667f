"""Wrong settings are named, all of them, before anything is begun."""

import subprocess
import sys

import pytest

from easel_agent.settings import AgentSettings

pytestmark = pytest.mark.unit

GOOD = {
    "EASEL_RUNTIME_NAME": "sdruntime",
    "EASEL_RUNTIME_TYPE": "sdwebui",
    "EASEL_RUNTIME_URL": "http://127.0.0.1:7860/",
    "EASEL_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/q",
    "EASEL_DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/d",
    "EASEL_NOTIFICATIONS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:n",
    "EASEL_OUTPUT_BUCKET": "b",
    "EASEL_RECORDS_TABLE": "t",
}


def test_defaults() -> None:
    settings = AgentSettings.from_environment(GOOD)
    assert settings.runtime_url == "http://127.0.0.1:7860"
    assert settings.receive_wait_seconds == 1
    assert settings.max_attempts == 5
    assert settings.price_per_hour is None


def test_a_claim_expires_before_the_message_is_received_again() -> None:
    settings = AgentSettings.from_environment(GOOD)
    assert settings.lease_seconds < settings.visibility_timeout_seconds


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EASEL_RUNTIME_TYPE", "invokeai"),
        ("EASEL_RUNTIME_URL", "127.0.0.1:7860"),
        ("EASEL_VISIBILITY_TIMEOUT_SECONDS", "5"),
        ("EASEL_RECEIVE_WAIT_SECONDS", "21"),
        ("EASEL_TASK_TIMEOUT_SECONDS", "0"),
        ("EASEL_MAX_ATTEMPTS", "0"),
        ("EASEL_PRICE_PER_HOUR", "-1"),
        ("EASEL_CURRENCY", "dollars"),
    ],
)
def test_out_of_bounds(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        AgentSettings.from_environment(GOOD | {name: value})


def test_a_long_poll_is_shorter_than_a_task_stays_invisible() -> None:
    times = {"EASEL_VISIBILITY_TIMEOUT_SECONDS": "15", "EASEL_RECEIVE_WAIT_SECONDS": "15"}
    with pytest.raises(ValueError, match="visibility_timeout_seconds must be above"):
        AgentSettings.from_environment(GOOD | times)


def test_the_process_names_every_missing_variable_and_exits_with_2() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "easel_agent"],
        env={"EASEL_RUNTIME_TYPE": "nonsense"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert run.returncode == 2
    for name in GOOD:
        assert f"{name}:" in run.stderr
    assert "Traceback" not in run.stderr
