"""scripts/prerequisites: everything that is missing, in one message, before anything is begun."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "prerequisites"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH with what the script itself needs, a good Python and stand-ins for the tools."""
    for name in ("bash", "env"):
        found = shutil.which(name)
        assert found
        (tmp_path / name).symlink_to(found)
    (tmp_path / "python3").symlink_to(sys.executable)
    for name in ("git", "terraform"):
        write(tmp_path / name, "exit 0")
    return tmp_path


def write(file: Path, command: str) -> None:
    file.write_text(f"#!/bin/sh\n{command}\n")
    file.chmod(0o755)


def run(path: Path, python: str = "python3") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [SCRIPT, python],
        env={"PATH": str(path), "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_with_everything_there_it_says_nothing(path: Path) -> None:
    done = run(path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_all_that_is_missing_is_named_with_what_to_do(path: Path) -> None:
    (path / "git").unlink()
    (path / "terraform").unlink()
    done = run(path, "python9")
    assert done.returncode == 1
    assert "Python 3.11 or newer: 'python9' is not on PATH" in done.stderr
    assert "make PYTHON=" in done.stderr
    assert "git: https://" in done.stderr
    assert "Terraform 1.11 or newer: https://" in done.stderr


def test_a_python_that_is_too_old_is_named_with_its_version(path: Path) -> None:
    write(path / "python-old", 'case "$1" in -V) echo "Python 3.9.1";; *) exit 1;; esac')
    done = run(path, "python-old")
    assert done.returncode == 1
    assert "'python-old' is Python 3.9.1" in done.stderr
