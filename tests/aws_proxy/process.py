"""Starts, commands and stops a proxy process."""

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from easel_local.paths import ROOT
from easel_local.server_process import ServerProcess
from tests.aws_proxy.control import PREFIX
from tests.aws_proxy.faults import Fault

_CONTROL_SECONDS = 10.0


class AwsProxy(ServerProcess):
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
        super().__init__(
            "AWS proxy",
            [sys.executable, "-m", "tests.aws_proxy", "--upstream", upstream_url],
            address_prefix="http://",
            # `tests` is no installed package.
            environment={**environment, "PYTHONPATH": str(ROOT)},
            log_path=log_path,
        )
        self._http = requests.Session()
        self._http.trust_env = False

    @property
    def endpoint_url(self) -> str:
        """The value for AWS_ENDPOINT_URL, once started."""
        return self.address

    def stop(self) -> None:
        """Stops the process, and the connection that commands it."""
        super().stop()
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
