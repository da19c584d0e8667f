import io
import os
import shutil
import zipfile
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


def _plan(name: str, root: Path, environment: dict[str, str]) -> tftest.TerraformPlanOutput:
    # A copy: Terraform leaves its lock file and data beside the code.
    shutil.copytree(ROOT / "modules", root / "modules")
    fixture = root / "tests" / "plan" / "fixtures" / name
    shutil.copytree(ROOT / "tests" / "plan" / "fixtures" / name, fixture)
    (fixture / "intake.zip").write_bytes(empty_package())
    terraform = tftest.TerraformTest(str(fixture), env=environment)
    terraform.setup()
    return terraform.plan(output=True, color=False)


@pytest.fixture(scope="session")
def api_fanout_plan(
    tmp_path_factory: pytest.TempPathFactory, terraform_environment: dict[str, str]
) -> tftest.TerraformPlanOutput:
    return _plan("api_fanout", tmp_path_factory.mktemp("api-fanout"), terraform_environment)


@pytest.fixture(scope="session")
def runtime_plan(
    tmp_path_factory: pytest.TempPathFactory, terraform_environment: dict[str, str]
) -> tftest.TerraformPlanOutput:
    return _plan("runtime", tmp_path_factory.mktemp("runtime"), terraform_environment)
