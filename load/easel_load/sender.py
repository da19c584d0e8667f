"""Sends tasks: a locustfile, run by `easel_load.sending` in a process of its own.

Locust replaces the standard library's sockets and threads by gevent's when it is imported, so no
other module imports this one. https://docs.locust.io/en/stable/custom-load-shape.html
"""

import json
import os
import random
import time
from pathlib import Path
from typing import Any, TextIO

from locust import HttpUser, LoadTestShape, events, poisson, task
from requests.auth import AuthBase

from easel_cli.api_authorization import ApiKey, Signature
from easel_cli.aws_clients import AwsClients
from easel_cli.target import Target
from easel_load.mix import Share, body_of
from easel_load.plan import KEYS_VARIABLE, PLAN_VARIABLE, Plan, Sent

_TIMEOUT_SECONDS = (5, 35)

PLAN = Plan.model_validate_json(Path(os.environ[PLAN_VARIABLE]).read_text())
TARGET = Target.model_validate_json(PLAN.target)
SHARES = [Share(s.runtime, s.tasktype, s.content, s.weight) for s in PLAN.shares]
WEIGHTS = [share.weight for share in SHARES]


class Journal:
    """The file with a line for each request."""

    def __init__(self, file: Path) -> None:
        self._file: TextIO = file.open("w", buffering=1)
        self.count = 0

    def write(self, sent: Sent) -> None:
        """Adds a line."""
        self._file.write(sent.model_dump_json() + "\n")


JOURNAL = Journal(PLAN.sent)


def _authorizations() -> list[tuple[str, AuthBase]]:
    if not PLAN.tenants:
        return [("", Signature(AwsClients(TARGET).credentials(), TARGET.region))]
    keys: dict[str, str] = json.loads(os.environ.pop(KEYS_VARIABLE))
    return [(tenant, ApiKey(keys[tenant])) for tenant in PLAN.tenants]


AUTHORIZATIONS = _authorizations()
TENANT_WEIGHTS = [PLAN.tenants.get(tenant, 1) for tenant, _ in AUTHORIZATIONS]


class Rates(LoadTestShape):
    """As many users as the second's rate needs."""

    def tick(self) -> tuple[int, float] | None:
        """Returns the number of users and how many start a second; None at the end."""
        second = int(self.get_run_time())  # type: ignore[no-untyped-call]
        if second >= len(PLAN.rates) or JOURNAL.count >= PLAN.max_tasks:
            return None
        users = max(1, round(PLAN.rates[second] / PLAN.rate_per_user))
        return users, max(100.0, users)


class Sender(HttpUser):
    """A sender who waits for nothing but the answer of the API."""

    host = TARGET.endpoint
    wait_time = poisson(PLAN.rate_per_user)

    def on_start(self) -> None:
        """Waits as between two tasks: the users do not all send their first one at once."""
        # A proxy from the environment is not meant for the emulator on this machine.
        self.client.trust_env = TARGET.aws_endpoint_url is None
        self.wait()  # type: ignore[no-untyped-call]

    @task
    def send(self) -> None:
        """Sends one task."""
        if JOURNAL.count >= PLAN.max_tasks:
            return
        JOURNAL.count += 1
        tenant, authorization = random.choices(AUTHORIZATIONS, TENANT_WEIGHTS)[0]  # noqa: S311
        share = random.choices(SHARES, WEIGHTS)[0]  # noqa: S311
        body = body_of(share, PLAN.prefix, PLAN.deadline_seconds)
        began_at, began = time.time(), time.perf_counter()
        with self.client.post(
            "/v1alpha2",
            json=body,
            auth=authorization,
            timeout=_TIMEOUT_SECONDS,
            allow_redirects=False,
            name=f"{share.runtime} {share.tasktype}",
            catch_response=True,
        ) as answer:
            seconds = time.perf_counter() - began
            sent = {
                "at": began_at,
                "seconds": round(seconds, 4),
                "runtime": share.runtime,
                "tasktype": share.tasktype,
                "tenant": tenant,
            } | _answered(answer)
            # A refusal is a figure of the report, not an error of Locust's.
            answer.success()
        JOURNAL.write(Sent.model_validate(sent))


def _answered(answer: Any) -> dict[str, Any]:
    if answer.error is not None and not answer.status_code:
        return {"status": 0, "error": type(answer.error).__name__}
    told: dict[str, Any] = {
        "status": answer.status_code,
        "says_when": "Retry-After" in answer.headers,
    }
    try:
        body = answer.json()
        return told | ({"uid": body["uid"]} if answer.ok else {"error": body["error"]["code"]})
    except (ValueError, KeyError, TypeError):
        return told | {"error": "unreadable answer"}


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def _exit_well(environment: Any, **_: Any) -> None:
    environment.process_exit_code = 0
