"""A command that only reads waits for another one that has the state locked."""

from pathlib import Path

import pytest

from easel_deploy.environments import root_module
from easel_deploy.environments.root_module import RootModule, TerraformError

pytestmark = pytest.mark.unit

# Fails so often as the file `locked` has lines, as Terraform 1.x says it, in its colours.
TERRAFORM = r"""#!/bin/sh
folder=$(dirname "$0")
if [ -s "$folder/locked" ]; then
  sed -i 1d "$folder/locked"
  printf '\033[31mError: \033[0mError acquiring the state lock\n' >&2
  exit 1
fi
if [ -e "$folder/broken" ]; then
  printf '\033[31mError: \033[0mno such variable\n' >&2
  exit 1
fi
echo '"\"easel\""'
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RootModule:
    program = tmp_path / "terraform"
    program.write_text(TERRAFORM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(root_module, "_LOCKED_PAUSE_SECONDS", 0.01)
    return RootModule(Path("envs/us-east-1"))


def test_a_lock_that_is_opened_again_is_waited_for(root: RootModule, tmp_path: Path) -> None:
    (tmp_path / "locked").write_text("once\ntwice\n")
    assert root.evaluate("var.name") == "easel"
    assert (tmp_path / "locked").read_text() == ""


def test_a_lock_that_stays_is_said_in_a_sentence(
    root: RootModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locked").write_text("again\n" * 1000)
    monkeypatch.setattr(root_module, "_LOCKED_SECONDS", 0.05)
    with pytest.raises(TerraformError, match=r"^another command is at work on envs/us-east-1"):
        root.evaluate("var.name")


def test_another_failure_is_told_at_once_and_without_colours(
    root: RootModule, tmp_path: Path
) -> None:
    (tmp_path / "broken").touch()
    with pytest.raises(TerraformError) as caught:
        root.evaluate("var.name")
    assert "\x1b" not in str(caught.value)
    assert str(caught.value).endswith("Error: no such variable")
