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
TESTS = sorted(HERE.glob("validation/*.tftest.hcl"))


def test_every_module_has_its_refusals_tested() -> None:
    modules = {path.parent.name.replace("-", "_") for path in MODULES.glob("*/versions.tf")}
    assert modules == {tests.name.partition(".")[0] for tests in TESTS}


@pytest.mark.parametrize("tests", TESTS, ids=lambda tests: tests.name.removesuffix(".tftest.hcl"))
def test_wrong_inputs_are_refused(
    tests: Path, tmp_path: Path, terraform_environment: dict[str, str]
) -> None:
    # A copy: Terraform would leave its lock file and data in the module.
    shutil.copytree(MODULES, tmp_path / "modules")
    shutil.copytree(MODULES.parent / "charts", tmp_path / "charts")
    root = tmp_path / "modules" / tests.name.partition(".")[0].replace("_", "-")
    (root / "tests").mkdir()
    shutil.copy(tests, root / "tests")
    (root / "functions.zip").write_bytes(empty_package())

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
