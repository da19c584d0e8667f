"""Tasks made to bring an agent down fail one by one, and others' tasks go on beside them."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.faults.bombs import MIB, bombs, hostile_host, large_bombs
from tests.faults.child_process import ChildProcess
from tests.faults.conftest import StartScenario
from tests.faults.scenario import Scenario
from tests.faults.tasks import PREFIX, RUNTIME, SentTask

pytestmark = pytest.mark.integration

MOST_RESIDENT = 300 * MIB
SECONDS_FOR_ONE, SECONDS_FOR_ALL = 1.0, 3.0


@contextmanager
def resident_peak(process: ChildProcess) -> Iterator[list[int]]:
    """Looks at a process's resident memory all the time; the list's last is the highest."""
    peak = [0]
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.02):
            try:
                peak.append(max(peak[-1], process.usage().memory_info().rss))
            except psutil.NoSuchProcess:
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


def as_payload(scenario: Scenario, name: str, content: bytes) -> str:
    """Stores a content as who publishes by hand does; returns the message that refers to it."""
    bucket, key = scenario.resources.bucket, f"_easel/payloads/direct/{name}.json"
    scenario.cloud.aws.s3.put_object(Bucket=bucket, Key=key, Body=content)
    metadata = {"id": name, "runtime": RUNTIME, "tasktype": "text-to-image", "prefix": PREFIX}
    return json.dumps({"metadata": metadata, "content_ref": f"s3://{bucket}/{key}"})


def send_bombs(scenario: Scenario, host: str) -> tuple[dict[str, str], list[SentTask]]:
    """Sends every bomb with an innocent task behind it; the words of each bomb's callback."""
    messages = {}
    words = {}
    for content, expected in bombs(host).values():
        (task,) = scenario.tasks.make(1, by_hand=True, **content)
        messages[task.key], words[task.key] = task.body, expected
    for number, (content, expected) in enumerate(large_bombs().values()):
        name = f"large-bomb-{number}"
        messages[name], words[name] = as_payload(scenario, name, content), expected
    innocent = []
    scenario.accepted |= words.keys()
    for message in messages.values():
        scenario.resources.send([message])
        innocent += scenario.submit_many(1)
    return words, innocent


def remove_payloads(scenario: Scenario) -> None:
    for key, _ in list(scenario.resources.objects()):
        if key.startswith("_easel/"):
            scenario.cloud.aws.s3.delete_object(Bucket=scenario.resources.bucket, Key=key)


def test_bombs_end_alone(start_scenario: StartScenario) -> None:
    limits = {
        "EASEL_INPUT_ALLOWED_HOSTS": "127.0.0.1",
        "EASEL_INPUT_TIMEOUT_SECONDS": str(SECONDS_FOR_ONE),
        "EASEL_INPUT_TOTAL_TIMEOUT_SECONDS": str(SECONDS_FOR_ALL),
    }
    with (
        hostile_host() as host,
        start_scenario(agents=1, service_seconds=0.05, settings=limits) as scenario,
        resident_peak(scenario.pods[0].agent) as peak,
    ):
        began = time.monotonic()
        words, innocent = send_bombs(scenario, host)
        scenario.await_callbacks(len(words) + len(innocent), seconds=120)
        taken = time.monotonic() - began
        remove_payloads(scenario)
        evidence = scenario.check()
    assert evidence.completed == {task.key for task in innocent}
    told = {key: error.message for key, error in evidence.failed.items()}
    assert told.keys() == words.keys()
    assert {key: told[key] for key in words if words[key] not in told[key]} == {}
    assert not any(error.retryable for error in evidence.failed.values())
    assert max(peak) < MOST_RESIDENT, f"{max(peak) / MIB:.0f} MiB"
    assert len(words) >= 20
    # Of all that wait, each innocent task waits no longer than the bombs' own limits.
    assert taken < len(words) * SECONDS_FOR_ALL
