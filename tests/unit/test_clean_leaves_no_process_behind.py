"""make clean: what runs needs what it would remove."""

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "nothing-is-up"


def run(*homes: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([SCRIPT, *homes], capture_output=True, text=True, check=False, timeout=30)


def test_where_nothing_is_up_it_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "estate").mkdir()
    (tmp_path / "estate" / "us-east-1.lock").touch()
    for homes in ([], [tmp_path], [tmp_path / "missing"]):
        done = run(*homes)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_all_that_is_up_is_named_by_what_takes_it_down(tmp_path: Path) -> None:
    first, second = tmp_path / "a home", tmp_path / "second"
    for state in (
        first / "stack.json",
        first / "estate" / "us-east-1" / "estate.json",
        second / "estate" / "cn-northwest-1" / "estate.json",
    ):
        state.parent.mkdir(parents=True, exist_ok=True)
        state.touch()
    done = run(first, second)
    assert done.returncode == 1
    assert [line.strip() for line in done.stderr.splitlines()[1:]] == [
        "make down",
        "make destroy ENV=us-east-1 LOCAL=1",
        "make destroy ENV=cn-northwest-1 LOCAL=1",
    ]


def test_clean_asks_before_it_removes_anything() -> None:
    said = subprocess.run(
        ["make", "--dry-run", "clean", "EASEL_HOME=/other"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    first, *removals = said.stdout.splitlines()
    assert first == 'scripts/nothing-is-up .easel "/other"'
    assert "rm -rf" in removals[0]
