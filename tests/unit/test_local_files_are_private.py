"""No other user of the machine reads what a local stack writes: its API key is among it."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from easel_cli.progress import Progress
from easel_local import private_files
from easel_local.paths import ROOT
from easel_local.private_files import ForeignFolderError, keep_private
from easel_local.processes import start
from easel_local.stack import LocalStack
from easel_local.state import StackState, StateFile
from easel_local.terraform import stack_environment

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """Everything in a folder, itself included, that has a right for the group or others."""
    return [
        str(path.relative_to(folder))
        for path in (folder, *folder.rglob("*"))
        if stat.S_IMODE(path.lstat().st_mode) & 0o077
    ]


def test_all_that_a_stack_writes_is_its_users_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    keep_private(home)
    StateFile(home).write(StackState(started_at=datetime.now(UTC)))
    environment = stack_environment(home / "terraform", {"AWS_SECRET_ACCESS_KEY": "x"}, {})
    stack = LocalStack(home, Progress())
    stack._write_environment(environment)
    # Programs write theirs in the same way: Terraform its state.
    script = 'echo secret > "$0/terraform/terraform.tfstate"; mkdir "$0/s3"'
    subprocess.run(["/bin/sh", "-c", script, str(home)], check=True)
    start("true", ["/bin/true"], os.environ, home / "logs" / "emulator.log").stop(5)
    assert (home / "terraform" / "terraform.tfstate").is_file()
    assert (home / "stack.json").is_file()
    assert (home / "environment").is_file()
    assert open_to_others(home) == []


def test_a_folder_that_an_earlier_version_left_open_is_closed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "terraform").mkdir(parents=True)
    (home / "terraform" / "terraform.tfstate").write_text("secret")
    assert open_to_others(home)
    keep_private(home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_folder_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private_files.os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ForeignFolderError, match="EASEL_HOME"):
        keep_private(tmp_path)


@pytest.mark.parametrize("module", ["easel_local", "easel_local.estate"])
def test_every_command_of_the_local_stack_keeps_its_folder_private(
    tmp_path: Path, module: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    words = ["status"] if module == "easel_local" else ["output", "us-east-1"]
    subprocess.run(
        [sys.executable, "-m", module, *words],
        env=os.environ | {"EASEL_HOME": str(home)},
        cwd=ROOT,
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert open_to_others(home) == []
