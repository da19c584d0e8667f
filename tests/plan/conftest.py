import functools
import io
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import tftest

from easel_local.terraform_config import write_cli_config

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def terraform_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("terraform")
    # What the caller has set could lead Terraform elsewhere, or bring in a configuration of his.
    foreign = [name for name in os.environ if name.startswith(("AWS_", "TF_"))]
    return dict.fromkeys(foreign, "") | {
        "TF_CLI_CONFIG_FILE": str(write_cli_config(folder)),
        "TF_IN_AUTOMATION": "1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def empty_package() -> bytes:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w"):
        pass
    return package.getvalue()


Plan = Callable[[str], tftest.TerraformPlanOutput]


@pytest.fixture(scope="session")
def plan_of(
    tmp_path_factory: pytest.TempPathFactory, terraform_environment: dict[str, str]
) -> Plan:
    """Plans a fixture root by its name; once, however often it is asked for."""

    @functools.cache
    def plan(name: str) -> tftest.TerraformPlanOutput:
        # A copy: Terraform leaves its lock file and data beside the code.
        root = tmp_path_factory.mktemp(name)
        for part in ("modules", "charts"):
            shutil.copytree(ROOT / part, root / part)
        fixture = root / "tests" / "plan" / "fixtures" / name
        shutil.copytree(ROOT / "tests" / "plan" / "fixtures" / name, fixture)
        (fixture / "intake.zip").write_bytes(empty_package())
        terraform = tftest.TerraformTest(str(fixture), env=terraform_environment)
        terraform.setup()
        return terraform.plan(output=True, color=False)

    return plan
