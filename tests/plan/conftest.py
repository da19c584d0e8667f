import functools
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import tftest

from easel_cli.config_import import read_config, write
from easel_cli.config_import_mapping import convert
from easel_deploy.terraform_config import write_cli_config
from easel_local.emulator import Emulator
from tests.provider_process import provider_process

from .planned_environment import PlannedEnvironment

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


@pytest.fixture(scope="session")
def one_provider(
    tmp_path_factory: pytest.TempPathFactory, terraform_environment: dict[str, str]
) -> Iterator[dict[str, str]]:
    """A process of the provider for tests that mock it: Terraform's whole environment."""
    folder = tmp_path_factory.mktemp("provider")
    with provider_process(folder, os.environ | terraform_environment) as environment:
        yield environment


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
        # A copy (links followed): Terraform leaves its lock file and data beside the code.
        root = tmp_path_factory.mktemp(name)
        for part in ("modules", "charts"):
            shutil.copytree(ROOT / part, root / part)
        fixture = root / "tests" / "plan" / "fixtures" / name
        shutil.copytree(ROOT / "tests" / "plan" / "fixtures" / name, fixture)
        (fixture / "functions.zip").write_bytes(empty_package())
        terraform = tftest.TerraformTest(str(fixture), env=terraform_environment)
        terraform.setup()
        return terraform.plan(output=True, color=False)

    return plan


EnvironmentPlan = Callable[..., PlannedEnvironment]


def copy_environments(root: Path) -> None:
    """Copies the code, and puts beside it the files that tests' settings name."""
    ignored = shutil.ignore_patterns(".terraform", "*.tfstate*", "backend.tf")
    for part in ("modules", "charts", "envs"):
        shutil.copytree(ROOT / part, root / part, ignore=ignored)
    (root / "functions.zip").write_bytes(empty_package())
    (root / "extra.yaml").write_text(
        "agent: {settings: {logLevel: DEBUG}}\n"
        "runtime: {image: {repository: r.example/own, tag: '1'}}\n"
    )
    (root / "no-image.yaml").write_text("runtime: {image: {repository: ''}}\n")


@pytest.fixture(scope="session")
def environment_plan_of(
    tmp_path_factory: pytest.TempPathFactory, terraform_environment: dict[str, str]
) -> Iterator[EnvironmentPlan]:
    """Plans envs/REGION, with other variables, or after the import of sd-on-eks's config.yaml.

    A region's root module asks AWS for the account and its zones: an emulator answers.
    """
    with ExitStack() as running:

        @functools.cache
        def emulator(region: str) -> Emulator:
            log = tmp_path_factory.mktemp(f"emulator-{region}") / "emulator.log"
            return running.enter_context(Emulator(log_path=log, region=region))

        @functools.cache
        def provider(region: str) -> dict[str, str]:
            # A region's root module has one provider block: plans one after another can share it.
            environment = terraform_environment | {
                name: value
                for name, value in emulator(region).environment().items()
                if name.startswith("AWS_") or name.lower() == "no_proxy"
            }
            folder = tmp_path_factory.mktemp(f"provider-{region}")
            return running.enter_context(provider_process(folder, os.environ | environment))

        @functools.cache
        def plan(region: str, variables: str, sd_on_eks: Path | None) -> PlannedEnvironment:
            root = tmp_path_factory.mktemp(region)
            copy_environments(root)
            folder = root / "envs" / region
            _write_settings(folder, json.loads(variables), sd_on_eks)
            terraform = tftest.TerraformTest(str(folder), env=provider(region))
            terraform.setup()
            return PlannedEnvironment(terraform.plan(output=True, color=False))

        yield lambda region, sd_on_eks=None, **variables: plan(
            region, json.dumps(variables, sort_keys=True), sd_on_eks
        )


def _write_settings(folder: Path, variables: dict[str, Any], sd_on_eks: Path | None) -> None:
    own = {"functions_package_path": "../../functions.zip", **variables}
    (folder / "test.auto.tfvars.json").write_text(json.dumps(own))
    if sd_on_eks:
        bucket = {"MODEL_BUCKET": "my-models", "AWS_REGION": folder.name}
        write(convert(read_config(sd_on_eks.read_text(), bucket)), folder)
