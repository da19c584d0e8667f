"""Runs validation/*.tftest.hcl: what the modules refuse.

All runs ask one process of the provider (conftest.py): else Terraform starts one twice for each of
nearly 200 runs. The provider is mocked: Terraform neither configures it nor has it plan, and asks
it for schemas and checks of arguments only, so that no run leaves anything behind for the next one.
"""

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
SECONDS = 300


def test_every_module_has_its_refusals_tested() -> None:
    modules = {path.parent.name.replace("-", "_") for path in MODULES.glob("*/versions.tf")}
    assert modules == {tests.name.partition(".")[0] for tests in TESTS}


def terraform_test(tests: Path, folder: Path, environment: dict[str, str]) -> str:
    """Returns what `terraform test` reports of a file of tests.

    Args:
        tests: the file; its name begins with the module's, with `_` for `-`.
        folder: an empty one, to work in.
        environment: of Terraform.
    """
    # A copy: Terraform would leave its lock file and data in the module.
    shutil.copytree(MODULES, folder / "modules")
    shutil.copytree(MODULES.parent / "charts", folder / "charts")
    root = folder / "modules" / tests.name.partition(".")[0].replace("_", "-")
    (root / "tests").mkdir()
    shutil.copy(tests, root / "tests")
    (root / "functions.zip").write_bytes(empty_package())

    def terraform(*arguments: str) -> str:
        done = subprocess.run(
            ["terraform", *arguments, "-no-color"],
            cwd=root,
            env=environment,
            capture_output=True,
            check=False,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    terraform("init", "-input=false")
    return terraform("test")


@pytest.mark.parametrize("tests", TESTS, ids=lambda tests: tests.name.removesuffix(".tftest.hcl"))
def test_wrong_inputs_are_refused(
    tests: Path, tmp_path: Path, one_provider: dict[str, str]
) -> None:
    report = terraform_test(tests, tmp_path, one_provider)
    runs = len(re.findall(r'^run "', tests.read_text(), re.MULTILINE))
    assert f"Success! {runs} passed, 0 failed." in report
