"""Checks run beside each other and never raise; a report tells all of them."""

import io
import json
import threading
import time
from collections.abc import Callable

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
)

from easel_deploy.cluster.errors import UnreachableError
from easel_doctor.check import Check, Phase
from easel_doctor.finding import Finding, State, fail, found, unchecked, warn
from easel_doctor.report import as_json, has_failed, last_line, lines_of
from easel_doctor.running import Result, run_checks

pytestmark = pytest.mark.unit


def check(name: str, look: Callable[[], Finding], limit_seconds: float = 10.0) -> Check:
    return Check(name, Phase.BEFORE, look, limit_seconds)


def raising(error: Exception) -> Callable[[], Finding]:
    def look() -> Finding:
        raise error

    return look


def test_a_finding_is_as_bad_as_its_worst_problem() -> None:
    assert found("fine").state is State.OK
    assert found("", [unchecked("", "")]).state is State.NOT_CHECKED
    assert found("", [warn("", ""), unchecked("", "")]).state is State.WARN
    assert found("", [warn("", ""), fail("", ""), unchecked("", "")]).state is State.FAIL


def test_checks_run_beside_each_other_and_are_told_in_order() -> None:
    both = threading.Barrier(2, timeout=5)

    def look(name: str, pause: float) -> Finding:
        both.wait()
        time.sleep(pause)
        return found(name)

    told: list[str] = []
    run_checks(
        [check("slow", lambda: look("slow", 0.2)), check("quick", lambda: look("quick", 0))],
        lambda result: told.append(result.finding.summary),
    )
    assert told == ["slow", "quick"]


def test_a_check_that_hangs_keeps_nobody() -> None:
    until = threading.Event()
    hanging = check("hangs", lambda: (until.wait(30), found("late"))[1], limit_seconds=0.2)
    started = time.monotonic()
    results = run_checks([hanging, check("good", lambda: found("good"))])
    assert time.monotonic() - started < 5
    until.set()
    assert [one.finding.state for one in results] == [State.NOT_CHECKED, State.OK]
    assert "more than 0 s" in results[0].finding.problems[0].text


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeVpcs")


@pytest.mark.parametrize(
    ("error", "text", "remedy"),
    [
        (refused("UnauthorizedOperation"), "may not call DescribeVpcs", "right"),
        (refused("AccessDenied"), "may not call DescribeVpcs", "right"),
        (refused("ExpiredToken"), "does not take these credentials", "sso login"),
        (refused("InternalError"), "DescribeVpcs was refused", "again"),
        (NoCredentialsError(), "no usable AWS credentials", "sso login"),
        (EndpointConnectionError(endpoint_url="https://x"), "does not answer", "network"),
        (ConnectTimeoutError(endpoint_url="https://x"), "does not answer", "network"),
        (UnreachableError("The API server does not answer."), "The API server", "again"),
        (KeyError("Vpcs"), "the check itself failed: KeyError", "report it"),
    ],
)
def test_what_keeps_a_check_from_looking_is_a_finding(
    error: Exception, text: str, remedy: str
) -> None:
    finding = check("broken", raising(error)).run()
    assert finding.state is State.NOT_CHECKED
    assert text in finding.problems[0].text
    assert remedy in finding.problems[0].remedy


RESULTS = [
    Result("tools", Phase.BEFORE, found("terraform 1.11.4"), 0.1),
    Result("quotas", Phase.BEFORE, found("5/0", [fail("too\x1b[31m low", "ask\nfor more")]), 2.0),
    Result("pods", Phase.AFTER, found("1 of 2", [warn("slow", "wait")]), 1.0),
]


def test_the_report_says_what_to_do_and_nothing_to_the_terminal() -> None:
    assert lines_of(RESULTS[1]) == (
        "fail        quotas        5/0\n  fail: too\\x1b[31m low\n  -> ask\n     for more"
    )
    assert last_line(RESULTS) == "1 fail, 1 warn, 1 ok"
    assert has_failed(RESULTS)
    assert not has_failed([RESULTS[0], RESULTS[2]])


def test_the_document_has_all_of_it() -> None:
    document = json.load(io.StringIO(as_json("us-east-1", RESULTS)))
    assert document["environment"] == "us-east-1"
    assert document["failed"] is True
    assert [(one["name"], one["phase"], one["state"]) for one in document["checks"]] == [
        ("tools", "before", "ok"),
        ("quotas", "before", "fail"),
        ("pods", "after", "warn"),
    ]
    (problem,) = document["checks"][1]["problems"]
    assert problem == {"state": "fail", "text": "too\x1b[31m low", "remedy": "ask\nfor more"}
