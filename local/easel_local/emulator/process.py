"""Starts and stops an emulator process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from easel_local.credentials import CredentialsError, StackCredentials
from easel_local.server_process import Service

REGION = "us-east-1"
"""Where an emulator is that is not told."""

UNWANTED_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_CA_BUNDLE",
)
"""Of a person's own shell: they would lead clients to another key than the emulator's."""

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05


class EmulatorError(Exception):
    """The emulator did not start; the message holds the reason and the log's path."""


@dataclass(frozen=True)
class KubernetesEndpoint:
    """A Kubernetes API server that clusters of the emulator have.

    Attributes:
        url: https://host:port.
        certificate_path: PEM file of the authority that its certificate is from.
    """

    url: str
    certificate_path: Path


@dataclass(frozen=True)
class EmulatorPlace:
    """Where an emulator is found again when it is started anew.

    Attributes:
        port: on 127.0.0.1; 0 takes a free one.
        credentials_path: file with the root's access key, made if missing; None takes
            ``credentials`` in ``state_dir``, or beside the log.
        state_dir: folder that keeps the state over restarts; None keeps it in memory.
    """

    port: int = 0
    credentials_path: Path | None = None
    state_dir: Path | None = None

    def arguments(self, credentials_path: Path) -> list[str]:
        """Returns the arguments of the emulator's program.

        Args:
            credentials_path: as it is where this says None.
        """
        arguments = ["--port", str(self.port), "--credentials", str(credentials_path)]
        return arguments + (["--state-dir", str(self.state_dir)] if self.state_dir else [])


class Emulator(Service):
    """One emulator process, as a context manager.

    Example:
        >>> with Emulator(log_path=Path("emulator.log")) as emulator:
        ...     subprocess.run(["terraform", "apply"], env=os.environ | emulator.environment())
    """

    def __init__(
        self,
        *,
        log_path: Path,
        place: EmulatorPlace = EmulatorPlace(),
        region: str = REGION,
        enforce_iam: bool = False,
        kubernetes: KubernetesEndpoint | None = None,
        bridges: bool = True,
    ) -> None:
        """Describe the process; nothing is started yet.

        Args:
            log_path: File for its output; overwritten.
            place: Its port, key and state.
            region: Of ``environment``, and of requests that nobody signed. Requests that are signed
                for another region are served there; those of cn-* are in the partition aws-cn.
            enforce_iam: Whether IAM policies of sqs, sns, s3 and kms requests are checked; the
                key of ``environment`` is the account's root and may do everything.
            kubernetes: What every EKS cluster says of its API server; None gives an address where
                nothing answers.
            bridges: Whether ministack's gaps are bridged; False only shows what they are for.
        """
        self._log_path = log_path
        self.credentials_path = (
            place.credentials_path or (place.state_dir or log_path.parent) / "credentials"
        ).resolve()
        self.region = region
        self._command = [sys.executable, "-m", "easel_local.emulator"]
        self._command += ["--region", region, *place.arguments(self.credentials_path)]
        if enforce_iam:
            self._command += ["--enforce-iam"]
        if kubernetes is not None:
            self._command += ["--kubernetes-url", kubernetes.url]
            self._command += ["--kubernetes-ca", str(kubernetes.certificate_path)]
        if not bridges:
            self._command += ["--without-bridges"]
        self._process: subprocess.Popen[bytes] | None = None
        self._endpoint_url: str | None = None

    def record_calls(self, path: Path) -> None:
        """Have every call and its IAM action written down, see ``call_log``.

        Args:
            path: File for them; emptied at the start. Needs ``enforce_iam``; call this before
                ``start``.
        """
        self._command += ["--calls", str(path.resolve())]

    @property
    def endpoint_url(self) -> str:
        """The value for AWS_ENDPOINT_URL."""
        if self._endpoint_url is None:
            raise EmulatorError("the emulator is not started: call start() first")
        return self._endpoint_url

    @property
    def pid(self) -> int:
        """The process's id; its Lambda workers are its children."""
        if self._process is None:
            raise EmulatorError("the emulator is not started: call start() first")
        return self._process.pid

    @property
    def credentials(self) -> StackCredentials:
        """The account's root."""
        return StackCredentials.read(self.credentials_path)

    def environment(self) -> dict[str, str]:
        """A copy of this process's environment in which AWS is the emulator.

        Returns:
            The whole environment for a child process. Whatever else could lead a client to the real
            AWS (profiles, sessions, a proxy) or spoil plain HTTP (AWS_CA_BUNDLE) is gone from it.
        """
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("AWS_")
        }
        return inherited | {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            # The only place of the key: neither environments nor arguments hold it.
            "AWS_SHARED_CREDENTIALS_FILE": str(self.credentials_path),
            "NO_PROXY": _with_loopback(os.environ.get("NO_PROXY", "")),
            "no_proxy": _with_loopback(os.environ.get("no_proxy", "")),
        }

    def start(self) -> None:
        """Start the process and wait until it answers.

        Raises:
            EmulatorError: It ended, or did not answer within 30 s.
        """
        deadline = time.monotonic() + _START_SECONDS
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        try:
            StackCredentials.made(self.credentials_path)
        except CredentialsError as error:
            raise EmulatorError(str(error)) from error
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  (our own module, fixed arguments)
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A Ctrl-C at the terminal is for the caller; it stops the emulator in its order.
                start_new_session=True,
            )
        try:
            self._endpoint_url = self._await_url(deadline)
            self._await_ready(deadline)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the process and its Lambda workers; does nothing when none runs."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        # The workers are in the process's own group; after a kill they may still be there.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def _await_url(self, deadline: float) -> str:
        while True:
            with self._log_path.open(encoding="utf-8", errors="replace") as log:
                url = _first_url(log)
            if url is not None:
                return url
            self._check(deadline)

    def _await_ready(self, deadline: float) -> None:
        while True:
            try:
                with urllib.request.urlopen(  # noqa: S310  (our own loopback URL)
                    f"{self.endpoint_url}/_ministack/ready", timeout=2
                ):
                    return
            except (OSError, urllib.error.URLError):
                self._check(deadline)

    def _check(self, deadline: float) -> None:
        assert self._process is not None  # noqa: S101  (only called between start and stop)
        status = self._process.poll()
        if status is not None:
            self._fail(f"ended with status {status}")
        if time.monotonic() > deadline:
            self._fail(f"did not answer within {_START_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)

    def _fail(self, what: str) -> None:
        lines = self._log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        last = lines[-1] if lines else "no output"
        raise EmulatorError(f"the emulator {what}: {last} (log: {self._log_path})")


def _first_url(log: IO[str]) -> str | None:
    for line in log:
        if line.startswith("http://") and line.endswith("\n"):
            return line.strip()
    return None


def _with_loopback(no_proxy: str) -> str:
    return ",".join(filter(None, [no_proxy, "127.0.0.1"]))
