"""Which tests run beside each other where pytest-xdist runs them: `make test` has two workers.

A worker gets a group at a time, whole and in order, as its tests share what they start: the
applied estate, the deployed stack, a plan. The longest begin first; of the other tests, each file
is a group of its own.

The groups are a scheduler of our own, as `--dist loadgroup` of pytest-xdist 3.8 writes a test's
group where pytest 9.2 no longer reads it (`Item._nodeid`): all tests would be one group each.
"""

import functools
import logging
import os
from collections.abc import Generator, Iterator
from pathlib import PurePosixPath
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader
from moto.core.loaders import Loader as MotosLoader
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Terraform and its provider spend a third of a command's CPU time on collecting garbage while they
# read the provider's schemas; with this they collect a quarter as often, at 700 MB in place of 600.
os.environ.setdefault("GOGC", "400")


def _read_aws_models_once() -> None:
    """Lets all of boto3's sessions of this process share what they read of AWS's models.

    moto drops boto3's default session with each `mock_aws`: of a test that makes five clients that
    takes 0.4 s of CPU time, EC2's model 0.3 s. Within a session clients share it, too. moto itself
    reads its own: it merges error shapes into a model, and boto3 would know errors by other codes.
    """
    read_anew = JSONFileLoader.load_file
    read = functools.cache(JSONFileLoader().load_file)

    class MotosFileLoader(JSONFileLoader):
        load_file = read_anew

    def load_file(_loader: JSONFileLoader, file_path: str) -> Any:
        return read(file_path)

    MotosLoader.FILE_LOADER_CLASS = MotosFileLoader
    JSONFileLoader.load_file = load_file


_read_aws_models_once()

ESTATE = "estate"
"""Tests of the two environments that are applied once and destroyed at the end."""
_WHOLE_FOLDERS = frozenset({"charts", "e2e", "faults", "plan"})
_VERBS = "tests/integration/test_estate_verbs.py"
_VALIDATIONS = "tests/plan/test_validations.py"
_FOR_THEMSELVES = frozenset({_VERBS, _VALIDATIONS})
"""Files that share nothing with the group whose folder or name they have."""
LONG_GROUPS = (
    ESTATE,
    "tests/integration/test_destroys_break_off.py",
    "e2e",
    "faults",
    "charts",
    "plan",
    "tests/integration/test_agent_image_runs.py",
    _VERBS,
    "tests/integration/test_helm_release_module.py",
    "tests/integration/test_helm_release_breaks_off.py",
    "tests/integration/test_helm_release_is_gone.py",
    _VALIDATIONS,
    "tests/integration/test_emulator_stack.py",
    "tests/integration/test_releases_are_scaled.py",
)
"""Groups that take more than about a minute and a half; the others fill the gaps at the end."""


def group_of(nodeid: str) -> str:
    """Returns the group of a test, by its file's path from the project's root.

    Args:
        nodeid: as pytest names the test; folders apart by "/".
    """
    file = nodeid.partition("::")[0]
    path = PurePosixPath(file)
    if file in _FOR_THEMSELVES:
        return file
    if path.name.startswith("test_estate_"):
        return ESTATE
    folder = path.parts[1] if len(path.parts) > 2 else ""
    return folder if folder in _WHOLE_FOLDERS else file


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # without type hints
    """pytest-xdist's scheduler of scopes, its scopes being our groups, the longest first."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        # Else it sorts by the number of tests.
        self.config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> GroupScheduling:
    """Lets pytest-xdist use our groups, whatever `--dist` says."""
    return GroupScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Writes out halves of surrogate pairs that a test has printed: no worker could send them."""
    report = yield
    report.sections = [
        (name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections
    ]
    return report


@pytest.fixture
def without_logs() -> Iterator[None]:
    """Keeps thousands of log lines out of a test's report."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the long groups in front; the order within a group stays."""
    ranks = {group: rank for rank, group in enumerate(LONG_GROUPS)}
    items.sort(key=lambda item: ranks.get(group_of(item.nodeid), len(ranks)))
