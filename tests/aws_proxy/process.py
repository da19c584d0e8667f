"""Starts, commands and stops a proxy process."""

import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from easel_local.paths import ROOT
from easel_local.processes import ManagedProcess, start
from tests.aws_proxy.control import PREFIX
from tests.aws_proxy.faults import Fault

_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.05
_CONTROL_SECONDS = 10.0


class AwsProxyError(Exception):
    """The proxy did not start; the message holds the reason and the log's path."""


class AwsProxy:
    """One proxy process, as a context manager."""

    def __init__(
        self, upstream_url: str, *, log_path: Path, environment: Mapping[str, str]
    ) -> None:
        """Describes the process; nothing is started yet.

        Args:
            upstream_url: of the emulator.
            log_path: file for its output; overwritten.
            environment: all of the process's environment.
        """
        self._upstream_url = upstream_url
        self._log_path = log_path
        # `tests` is no installed package.
        self._environment = {**environment, "PYTHONPATH": str(ROOT)}
        self._process: ManagedProcess | None = None
        self._http = requests.Session()
        self._http.trust_env = False
        self.endpoint_url = ""
        """The value for AWS_ENDPOINT_URL, once started."""

    def start(self) -> None:
        """Starts the process and waits until it listens.

        Raises:
            AwsProxyError: it ended, or did not come up within 30 s.
        """
        command = [sys.executable, "-m", "tests.aws_proxy", "--upstream", self._upstream_url]
        self._process = start("aws-proxy", command, self._environment, self._log_path)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.is_running():
            line, end, _ = self._log_path.read_text().partition("\n")
            if end and line.startswith("http://"):
                self.endpoint_url = line
                return
            time.sleep(_POLL_SECONDS)
        reason = self._process.last_log_line()
        self.stop()
        raise AwsProxyError(f"the AWS proxy did not come up: {reason} (log: {self._log_path})")

    def stop(self) -> None:
        """Stops the process; does nothing where none runs."""
        process, self._process = self._process, None
        if process is not None:
            process.stop(_STOP_SECONDS)
        self._http.close()

    def add_fault(self, fault: Fault) -> None:
        """Begins a fault now."""
        self._send("POST", "faults", fault.model_dump(mode="json"))

    def clear_faults(self) -> None:
        """Ends all faults."""
        self._send("DELETE", "faults")

    def set_delay(self, seconds: float) -> None:
        """Adds so many seconds to every call from now on."""
        self._send("PUT", "delay", {"seconds": seconds})

    def calls(self) -> Counter[str]:
        """How many calls of each operation came in, such as `sqs.ReceiveMessage`."""
        return Counter(self._send("GET", "calls")["calls"])

    def forget_calls(self) -> None:
        """Sets the counts to 0."""
        self._send("DELETE", "calls")

    def injected(self) -> Counter[str]:
        """How many faults were injected, by `<kind>:<service>.<operation>`."""
        return Counter(self._send("GET", "calls")["injected"])

    def _send(self, method: str, name: str, body: object = None) -> Any:
        answer = self._http.request(
            method, f"{self.endpoint_url}{PREFIX}{name}", json=body, timeout=_CONTROL_SECONDS
        )
        answer.raise_for_status()
        return answer.json()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
