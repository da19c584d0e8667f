"""Runs validation/*.tftest.hcl: what the modules refuse."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import empty_package

pytestmark = pytest.mark.plan

HERE = Path(__file__).parent
MODULES = HERE.parents[1] / "modules"


@pytest.mark.parametrize("module", ["api-fanout", "runtime"])
def test_wrong_inputs_are_refused(
    module: str, tmp_path: Path, terraform_environment: dict[str, str]
) -> None:
    # A copy: Terraform would leave its lock file and data in the module.
    root = tmp_path / module
    shutil.copytree(MODULES / module, root)
    (root / "tests").mkdir()
    tests = HERE / "validation" / f"{module.replace('-', '_')}.tftest.hcl"
    shutil.copy(tests, root / "tests")
    (root / "intake.zip").write_bytes(empty_package())

    def terraform(*arguments: str) -> str:
        done = subprocess.run(
            ["terraform", *arguments, "-no-color"],
            cwd=root,
            env=os.environ | terraform_environment,
            capture_output=True,
            check=False,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    terraform("init", "-input=false")
    report = terraform("test")
    runs = len(re.findall(r'^run "', tests.read_text(), re.MULTILINE))
    assert f"Success! {runs} passed, 0 failed." in report
