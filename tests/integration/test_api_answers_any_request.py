"""Whatever is asked of the API, its functions answer as docs/openapi.yaml says, and never with 5xx.

A part of `make fuzz`, which asks 10,000 times.
"""

import pytest
from schemathesis.core.failures import FailureGroup, ServerError

from easel_reader import queries
from tests.fuzz.api import OPERATIONS, ask, stack

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("without_logs")]

REQUESTS_PER_OPERATION = 40


def test_every_answer_is_one_of_the_documents() -> None:
    with stack() as app:
        statuses = ask(app, REQUESTS_PER_OPERATION)
    assert statuses.total() > OPERATIONS * REQUESTS_PER_OPERATION / 2
    assert statuses.keys() <= {200, 202, 400, 404, 409, 413, 415, 422}
    assert min(statuses[200], statuses[400], statuses[404]) > 0


def test_a_fault_of_ours_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(queries, "_number", break_down)
    with stack() as app, pytest.raises(FailureGroup) as noticed:
        ask(app, REQUESTS_PER_OPERATION)
    assert any(isinstance(one, ServerError) for one in noticed.value.exceptions)
