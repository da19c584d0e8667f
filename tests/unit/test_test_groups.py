"""The groups in which pytest-xdist runs these tests."""

import sys

import pytest

from tests.conftest import ESTATE, group_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("tests/integration/test_estate_verbs.py::test_x", ESTATE),
        ("tests/integration/test_estate_applied.py::test_x[us-east-1]", ESTATE),
        ("tests/e2e/test_api.py::test_x[a::b/c]", "e2e"),
        ("tests/plan/test_vpc.py::test_x", "plan"),
        ("tests/unit/test_clock.py::test_x", "tests/unit/test_clock.py"),
        ("tests/integration/test_agent.py::test_x", "tests/integration/test_agent.py"),
        ("tests/test_top.py::test_x", "tests/test_top.py"),
    ],
)
def test_tests_that_share_what_they_start_are_one_group(nodeid: str, group: str) -> None:
    assert group_of(nodeid) == group


@pytest.mark.parametrize("text", ["\ud800", "plain"])
def test_a_test_may_print_half_of_a_surrogate_pair(text: str) -> None:
    """As no worker of pytest-xdist could say so, it does not take the others' results with it."""
    sys.stdout.write(text)
