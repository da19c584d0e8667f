"""What the API refuses, and how (R13-R15)."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from requests.auth import AuthBase

from easel_cli.api_client import ApiClient
from easel_cli.aws_clients import AwsClients
from easel_cli.target import Target

from .stacks import Stack

pytestmark = pytest.mark.e2e


def error_of(answer: requests.Response) -> dict[str, Any]:
    """The one shape of every refusal."""
    assert answer.headers["Content-Type"].startswith("application/json")
    body = answer.json()
    assert body.keys() == {"error"}
    error: dict[str, Any] = body["error"]
    assert error.keys() == {"code", "message", "details"}
    assert error["message"]
    return error


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2"])
@pytest.mark.parametrize("key", [None, "not-a-key-of-this-api-at-all"])
def test_without_a_good_key_or_signature_the_answer_is_401(
    target: Target, version: str, key: str | None
) -> None:
    with requests.Session() as http:
        http.trust_env = target.aws_endpoint_url is None
        headers = {"x-api-key": key} if key else {}
        answer = http.post(f"{target.endpoint}/{version}", json={}, headers=headers, timeout=30)
    assert answer.status_code == 401
    assert error_of(answer)["code"] == "unauthorized"


def test_a_broken_request_hears_of_every_problem(api: ApiClient, target: Target) -> None:
    body = {
        "task": {
            "metadata": {"id": "../x", "runtime": "nope", "tasktype": "text-to-image"},
            "content": "A dog",
        }
    }
    answer = api.post("v1alpha2", body)
    assert answer.status_code == 400
    details = error_of(answer)["details"]
    problems = {detail["field"]: detail["problem"] for detail in details}
    assert problems.keys() == {
        "task.metadata.id",
        "task.metadata.prefix",
        "task.metadata.runtime",
        "task.content",
    }
    assert all(name in problems["task.metadata.runtime"] for name in target.runtimes)


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "nonsense"])
def test_what_is_no_object_is_400(target: Target, authorization: AuthBase, body: str) -> None:
    answer = post_text(target, authorization, body, "application/json")
    assert answer.status_code == 400
    assert error_of(answer)["code"] == "invalid_request"


def test_another_content_type_is_415(target: Target, authorization: AuthBase) -> None:
    answer = post_text(target, authorization, "{}", "text/plain")
    assert answer.status_code == 415
    assert error_of(answer)["code"] == "unsupported_media_type"


def limits_of(clients: AwsClients, key_id: str) -> tuple[int, float]:
    """How many requests of an API key pass at once, and in a second after that."""
    for plan in clients.apigateway.get_usage_plans()["items"]:
        keys = clients.apigateway.get_usage_plan_keys(usagePlanId=plan["id"])["items"]
        if key_id in {key["id"] for key in keys}:
            return plan["throttle"]["burstLimit"], plan["throttle"]["rateLimit"]
    pytest.fail(f"API key {key_id} is in no usage plan")


def test_beyond_the_limit_the_answer_is_429(
    target: Target, clients: AwsClients, api_key: str, authorization: AuthBase
) -> None:
    assert api_key
    burst, rate = limits_of(clients, target.known_api_key_id)

    # Refused bodies: they count like others and leave no tasks behind.

    def send(_: int) -> requests.Response:
        return post_text(target, authorization, "[]", "application/json")

    with ThreadPoolExecutor(16) as pool:
        # As many as pass at once, and twice as many as follow in a second.
        answers = list(pool.map(send, range(int(burst + 2 * rate + 90))))
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses.keys() == {400, 429}
    assert statuses[400] >= burst / 2  # AWS counts in several places, and less exactly
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert error_of(refused)["code"] == "throttled"
    time.sleep(2)  # the bucket fills for the tests that follow


def test_the_logs_of_the_intake_hold_no_key(stack: Stack, api: ApiClient, api_key: str) -> None:
    assert api.post("v1alpha2", {}).status_code == 400
    if stack.emulator_log is not None:
        assert api_key not in stack.emulator_log.read_text()
    logs = stack.logs_client()
    prefix = f"/aws/lambda/{stack.values()['intake_function_name']}"
    found = logs.describe_log_groups(logGroupNamePrefix=prefix)
    groups = [group["logGroupName"] for group in found["logGroups"]]
    assert groups
    for group in groups:
        events = logs.filter_log_events(logGroupName=group)["events"]
        assert api_key not in json.dumps(events)


def post_text(
    target: Target, authorization: AuthBase, body: str, content_type: str
) -> requests.Response:
    """Sends a body as it is."""
    with requests.Session() as http:
        http.trust_env = target.aws_endpoint_url is None
        return http.post(
            f"{target.endpoint}/v1alpha2",
            data=body.encode(),
            headers={"Content-Type": content_type},
            auth=authorization,
            timeout=30,
        )
