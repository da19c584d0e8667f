"""docs/webhooks.md: its receiver takes our callbacks, and its tables say what the code does."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from easel_contract.result import ResultStatus, TaskResult
from easel_webhook.posting import ATTEMPT_SECONDS
from easel_webhook.schedule import MAX_RETRY_AFTER, WAITS
from easel_webhook.signing import Signer

pytestmark = pytest.mark.unit

DOCUMENT = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
SECRET = "whsec_" + "b2xk" * 8
SECONDS = {"s": 1, "min": 60, "h": 3600}


@pytest.fixture
def receive(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes, dict[str, str]], str]:
    """POSTs to the document's receiver in Python; gives the status of its answer."""
    found = re.search(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    names: dict[str, Any] = {}
    exec(found[1], names)

    def post(body: bytes, headers: dict[str, str]) -> str:
        answered: list[str] = []
        environ = {f"HTTP_{k.upper().replace('-', '_')}": v for k, v in headers.items()}
        environ["CONTENT_LENGTH"] = str(len(body))
        names["application"](
            environ | {"wsgi.input": io.BytesIO(body)}, lambda status, _: answered.append(status)
        )
        return answered[0]

    return post


def test_its_receiver_takes_what_we_sign_and_nothing_else(
    receive: Callable[[bytes, dict[str, str]], str], capsys: pytest.CaptureFixture[str]
) -> None:
    status = ResultStatus.COMPLETED
    body = TaskResult(id="ünïcode", result=True, status=status, event_id="e-1").to_json()
    headers = Signer([SECRET]).headers("e-1", body)
    assert receive(body.encode(), headers).startswith("204")
    assert "e-1 None completed []" in capsys.readouterr().out
    assert receive(body.replace("true", "false").encode(), headers).startswith("401")
    assert receive(body.encode(), headers | {"webhook-id": "e-2"}).startswith("401")
    assert receive(body.encode(), {}).startswith("401")
    others = Signer(["whsec_" + "bmV3" * 8]).headers("e-1", body)
    assert receive(body.encode(), others).startswith("401")


def test_its_waits_are_the_schedules() -> None:
    (row,) = re.findall(r"^\| wait \|(.*)\|$", DOCUMENT, re.MULTILINE)
    *waits, last = (cell.strip() for cell in row.split("|"))
    assert last == "dead letter"
    parts = (wait.split() for wait in waits)
    assert tuple(int(number) * SECONDS[unit] for number, unit in parts) == WAITS


def test_its_limits_are_the_codes() -> None:
    assert f"within {ATTEMPT_SECONDS:.0f} seconds" in DOCUMENT
    assert MAX_RETRY_AFTER == 3600
    assert "up to an hour" in DOCUMENT
