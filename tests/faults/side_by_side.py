"""Runs the folder's scenarios some at a time: most of their time they wait for a time-out."""

import re
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.aws_proxy import AwsProxy
from tests.faults.scenario import Cloud, Scenario, Setup

FIXTURE = "start_scenario"

_AT_ONCE = 3
"""On two cores; more of them would find agents that are late because they have no processor."""
_MAX_NAME = 45
"""A bucket's name may have 63 characters, a queue's 80."""

StartScenario = Callable[..., AbstractContextManager[Scenario]]


class SideBySide:
    """The tests of a run that take `start_scenario` as their only fixture.

    All share one emulator; each has queues, table and bucket of its own, and a proxy of its own, so
    that the faults of one strike no other.
    """

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self._cloud = cloud
        self._folder = folder
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="scenario")
        self._running: dict[str, Future[None]] = {}

    def result_of(self, test: pytest.Function) -> None:
        """Waits for one test, which is under way or done: all are begun with the first.

        Raises:
            BaseException: as the test did.
        """
        if not self._running:
            self._running = {
                item.nodeid: self._pool.submit(self._run, item)
                for item in test.session.items
                if isinstance(item, pytest.Function) and is_scenario(item)
            }
        self._running[test.nodeid].result()

    def end(self) -> None:
        """Begins no more of them, and waits for those under way."""
        self._pool.shutdown(cancel_futures=True)

    def start(self, name: str, **options: Any) -> AbstractContextManager[Scenario]:
        """A scenario of its own; its options are those of `Setup`."""
        words = re.sub("[^a-z0-9]+", "-", name.removeprefix("test_"))[:_MAX_NAME].strip("-")
        # Two long names may begin alike.
        return self._scenario(f"{words}-{zlib.crc32(name.encode()):08x}", options)

    @contextmanager
    def _scenario(self, name: str, options: dict[str, Any]) -> Iterator[Scenario]:
        folder = self._folder / name
        folder.mkdir()
        emulator = self._cloud.emulator
        proxy = AwsProxy(
            emulator.endpoint_url,
            log_path=folder / "proxy.log",
            environment=emulator.environment(),
        )
        with proxy:
            cloud = Cloud(emulator, proxy, self._cloud.aws)
            with Scenario(cloud, name, folder, Setup(**options)) as scenario:
                yield scenario

    def _run(self, test: pytest.Function) -> None:
        parameters = test.callspec.params if hasattr(test, "callspec") else {}
        test.obj(**{FIXTURE: partial(self.start, test.name)}, **parameters)


def is_scenario(test: pytest.Function) -> bool:
    """Whether a test takes `start_scenario`."""
    return FIXTURE in test.fixturenames
