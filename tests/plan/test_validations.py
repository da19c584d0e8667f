"""Runs validation/*.tftest.hcl: what the modules refuse.

All runs ask one process of the provider, which `TF_REATTACH_PROVIDERS` names: else Terraform starts
one twice for each of nearly 200 runs. The provider is mocked: Terraform neither configures it nor
has it plan, and asks it for schemas and checks of arguments only, so that no run can leave anything
behind for the next one.
https://developer.hashicorp.com/terraform/plugin/debugging#starting-a-provider-in-debug-mode
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import empty_package

pytestmark = pytest.mark.plan

HERE = Path(__file__).parent
MODULES = HERE.parents[1] / "modules"
TESTS = sorted(HERE.glob("validation/*.tftest.hcl"))
REATTACH = "TF_REATTACH_PROVIDERS"
SECONDS = 300


def test_every_module_has_its_refusals_tested() -> None:
    modules = {path.parent.name.replace("-", "_") for path in MODULES.glob("*/versions.tf")}
    assert modules == {tests.name.partition(".")[0] for tests in TESTS}


@pytest.fixture(scope="module")
def one_provider(
    tmp_path_factory: pytest.TempPathFactory, terraform_environment: dict[str, str]
) -> Iterator[dict[str, str]]:
    """The provider as a process of its own; the environment in which Terraform finds it there."""
    folder = tmp_path_factory.mktemp("provider")
    shutil.copy(MODULES / "vpc" / "versions.tf", folder)
    subprocess.run(
        ["terraform", "init", "-input=false"],
        cwd=folder,
        env=os.environ | terraform_environment,
        check=True,
        capture_output=True,
        timeout=SECONDS,
    )
    (program,) = folder.glob(".terraform/providers/*/hashicorp/aws/*/*/terraform-provider-aws*")
    log = folder / "provider.log"
    with log.open("w") as output:
        process = subprocess.Popen([program, "-debug"], stdout=output, stderr=output)
    try:
        yield terraform_environment | {REATTACH: address_in(log, process)}
    finally:
        process.terminate()
        process.wait(SECONDS)


def address_in(log: Path, process: "subprocess.Popen[bytes]") -> str:
    """Returns what the provider says about where it listens, once it does."""
    deadline = time.monotonic() + SECONDS
    while not (said := re.search(rf"{REATTACH}='(.*)'\n", log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return said[1]


def terraform_test(tests: Path, folder: Path, environment: dict[str, str]) -> str:
    """Returns what `terraform test` reports of a file of tests.

    Args:
        tests: the file; its name begins with the module's, with `_` for `-`.
        folder: an empty one, to work in.
        environment: of Terraform, over this process's.
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
            env=os.environ | environment,
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
