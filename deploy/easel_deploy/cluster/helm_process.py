"""Runs Helm: apart from the user's own set-up, with a time limit, and ended in order."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from easel_deploy.cluster.access import Say
from easel_deploy.cluster.errors import ClusterError

_PROGRESS_SECONDS = 15.0
_GRACE_SECONDS = 30.0
"""For Helm to write down that a release failed, after it was told to stop."""
_SET_PARENT_DEATH_SIGNAL = 1
"""Linux's PR_SET_PDEATHSIG."""
_NOT_PASSED_ON = ("HELM_", "KUBECONFIG", "EASEL_RELEASE", "EASEL_CLUSTER", "TF_")


class HelmFailedError(ClusterError):
    """Helm ended with an error; the message is its own."""


@dataclass(frozen=True)
class Helm:
    """A helm with a home of its own."""

    binary: Path
    home: Path
    say: Say

    def run(
        self,
        arguments: Sequence[str],
        *,
        limit_seconds: float,
        doing: str = "",
        stdin: str = "",
        variables: Mapping[str, str] | None = None,
        apart: bool = True,
    ) -> str:
        """Runs one command.

        Args:
            arguments: of helm; never a secret, as everyone on the machine can read them.
            limit_seconds: after which it is ended.
            doing: what is said while it takes long; nothing is said where it is empty.
            stdin: for values.
            variables: added to the environment.
            apart: whether the user's own set-up of Helm is out of sight.

        Returns:
            What it wrote to standard output.

        Raises:
            HelmFailedError: it failed.
            ClusterError: it took longer than the limit.
            KeyboardInterrupt: a signal came; Helm was told to stop first.
        """
        environment = self._environment() if apart else dict(os.environ)
        with (
            self._start(arguments, environment | dict(variables or {})) as process,
            _ended_on_error(process, " ".join(arguments[:1]), limit_seconds),
        ):
            output, errors = self._attend(process, stdin, limit_seconds, doing)
        if process.returncode:
            raise HelmFailedError(errors.strip() or f"helm ended with {process.returncode}")
        if errors.strip() and doing:
            self.say(errors.strip())
        return output

    def _start(
        self, arguments: Sequence[str], environment: dict[str, str]
    ) -> "subprocess.Popen[str]":
        return subprocess.Popen(  # noqa: S603 - no shell; the arguments were checked
            [str(self.binary), *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A signal at the terminal is for easel, which ends Helm in order.
            start_new_session=True,
            # This process has one thread, and the function makes one system call.
            preexec_fn=_end_with_parent if _prctl else None,  # noqa: PLW1509
        )

    def _attend(
        self, process: "subprocess.Popen[str]", stdin: str, limit_seconds: float, doing: str
    ) -> tuple[str, str]:
        started = time.monotonic()
        given: str | None = stdin
        while True:
            left = started + limit_seconds - time.monotonic()
            try:
                return process.communicate(given, timeout=max(0.0, min(_PROGRESS_SECONDS, left)))
            except subprocess.TimeoutExpired:
                given = None  # what is left of it is kept
                if left <= _PROGRESS_SECONDS:
                    raise
                if doing:
                    self.say(f"{doing} ({time.monotonic() - started:.0f} s)")

    def _environment(self) -> dict[str, str]:
        own = {
            name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)
        }
        for kind in ("CACHE", "CONFIG", "DATA"):
            own[f"HELM_{kind}_HOME"] = str(self.home / kind.lower())
        # Else what the server was found to serve is remembered in ~/.kube, also once it is wrong.
        return own | {"KUBECACHEDIR": str(self.home / "kube-cache")}


@contextmanager
def _ended_on_error(
    process: "subprocess.Popen[str]", verb: str, limit_seconds: float
) -> Iterator[None]:
    try:
        yield
    except subprocess.TimeoutExpired as error:
        _end(process)
        raise ClusterError(
            f"helm {verb} did not end within {limit_seconds:.0f} s and was stopped."
        ) from error
    except BaseException:
        _end(process)
        raise


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.communicate(timeout=_GRACE_SECONDS)
    except (subprocess.TimeoutExpired, ValueError):
        process.kill()


# Terraform ends its provisioners by SIGKILL, of which only the system can tell Helm.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def _end_with_parent() -> None:
    if _prctl:
        _prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
