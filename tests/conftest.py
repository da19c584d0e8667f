"""Which tests run beside each other: those of a group share what they start, and stay in order.

`make test` runs two groups at a time (pytest-xdist, `--dist loadgroup`): a test of a stack mostly
waits, one of a plan or of a unit computes. The longest group begins first.
"""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ESTATE = "estate"
"""Tests of the two environments that are applied once and destroyed at the end."""


# First: pytest-xdist reads the groups at the same moment.
@pytest.hookimpl(tryfirst=True)
# First: pytest-xdist reads the groups in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    groups = {item: _group_of(item.path.relative_to(TESTS)) for item in items}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: groups[item] != ESTATE)  # stable: the rest keeps its order


def _group_of(path: Path) -> str:
    is_estate = path.parts[0] == "integration" and path.name.startswith("test_estate_")
    return ESTATE if is_estate else path.parts[0]
