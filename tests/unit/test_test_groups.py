"""The groups in which pytest-xdist runs these tests."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.conftest import (
    ESTATE,
    LONG_GROUPS,
    group_of,
    pytest_collection_modifyitems,
    pytest_runtest_makereport,
)

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("tests/integration/test_estate_applied.py::test_x[us-east-1]", ESTATE),
        (
            "tests/integration/test_estate_verbs.py::test_x",
            "tests/integration/test_estate_verbs.py",
        ),
        ("tests/plan/test_validations.py::test_x[vpc]", "tests/plan/test_validations.py"),
        ("tests/e2e/test_api.py::test_x[a::b/c]", "e2e"),
        ("tests/plan/test_vpc.py::test_x", "plan"),
        ("tests/unit/test_clock.py::test_x", "tests/unit/test_clock.py"),
        ("tests/integration/test_agent.py::test_x", "tests/integration/test_agent.py"),
        ("tests/test_top.py::test_x", "tests/test_top.py"),
    ],
)
def test_tests_that_share_what_they_start_are_one_group(nodeid: str, group: str) -> None:
    assert group_of(nodeid) == group


def test_a_group_that_is_named_is_there() -> None:
    files = (path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/**/test_*.py"))
    assert set(LONG_GROUPS) <= {group_of(file) for file in files}


def test_long_groups_come_first_and_each_keeps_its_order() -> None:
    names = ["unit/test_b.py::1", "plan/test_v.py::2", "plan/test_v.py::1", "e2e/test_a.py::1"]
    items = [cast("pytest.Item", SimpleNamespace(nodeid=f"tests/{name}")) for name in names]
    pytest_collection_modifyitems(items)
    assert [item.nodeid for item in items] == [f"tests/{names[index]}" for index in (3, 1, 2, 0)]


def test_what_a_test_has_printed_can_be_sent_by_a_worker() -> None:
    printed = [("Captured stdout call", "half \ud800 of a pair"), ("Captured log call", "\u732b")]
    report = pytest.TestReport("id", ("f", 1, "id"), {}, "passed", None, "call", printed)
    steps = pytest_runtest_makereport()
    next(steps)
    with pytest.raises(StopIteration) as ended:
        steps.send(report)
    texts = [text for _, text in ended.value.value.sections]
    assert texts == ["half \\ud800 of a pair", "\u732b"]
    assert all(text.encode() for text in texts)
