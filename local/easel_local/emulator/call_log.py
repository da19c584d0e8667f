"""Writes down which IAM actions the emulator is asked for, and by which program.

Tests compare the calls of an apply and a destroy with docs/deployer-policy.json. Programs are told
apart by the user agent: AWS SDKs put AWS_SDK_UA_APP_ID into it
(https://docs.aws.amazon.com/sdkref/latest/guide/feature-appid.html), and the AWS provider of
Terraform adds TF_APPEND_USER_AGENT.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ministack.core import iam_actions
from ministack.core.responses import get_account_id
from ministack.core.router import extract_region

_Extract = Callable[..., str | None]


@dataclass(frozen=True)
class Call:
    """One request, as IAM is asked about it.

    Attributes:
        action: such as `sqs:CreateQueue`.
        resource: its ARN in the partition `aws`, or `*` where ministack does not know it.
        region: where the request was signed for.
        user_agent: of the program.
    """

    action: str
    resource: str
    region: str
    user_agent: str


def record_calls(path: Path) -> None:
    """Appends every call to a file, a line of JSON each, once in a row.

    ministack asks for a request's action only where IAM is enforced: without it nothing is written.

    Args:
        path: of the file; emptied.
    """
    path.write_text("", encoding="utf-8")
    iam_actions.extract_iam_action = _recording(iam_actions.extract_iam_action, path)


def read_calls(path: Path) -> list[Call]:
    """Returns what `record_calls` has written."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Call(**json.loads(line)) for line in lines]


def _recording(extract: _Extract, path: Path) -> _Extract:
    seen: set[Call] = set()

    def recorded(  # noqa: PLR0917  (ministack's own signature)
        service: str,
        method: str,
        url_path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
    ) -> str | None:
        request = (service, method, url_path, headers, body, query_params)
        action = extract(*request)
        if action is not None:
            region = extract_region(headers, query_params)
            resource = iam_actions.extract_resource_arn(*request, region, get_account_id())
            call = Call(action, resource, region, headers.get("user-agent", ""))
            if call not in seen:
                seen.add(call)
                with path.open("a", encoding="utf-8") as log:
                    log.write(json.dumps(asdict(call)) + "\n")
        return action

    return recorded
