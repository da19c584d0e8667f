"""`easel env new`: another region from the same files."""

import shutil
from pathlib import Path

import pytest

from easel_cli.env_new import (
    EnvironmentRefusedError,
    EnvNewOptions,
    env_new,
    new_environment,
)

pytestmark = pytest.mark.unit

ENVIRONMENTS = Path(__file__).parents[2] / "envs"


@pytest.fixture
def environments(tmp_path: Path) -> Path:
    folder = tmp_path / "envs"
    ignored = shutil.ignore_patterns(".terraform", "*.tfstate*")
    # Not the other regions, which a user has made: one of them may be the one that a test makes.
    for name in ("stack", "local", "us-east-1", "cn-northwest-1"):
        shutil.copytree(ENVIRONMENTS / name, folder / name, symlinks=True, ignore=ignored)
    return folder


@pytest.mark.parametrize(
    ("region", "origin"), [("us-west-2", "us-east-1"), ("cn-north-1", "cn-northwest-1")]
)
def test_a_new_region_has_the_same_files(environments: Path, region: str, origin: str) -> None:
    folder, source = new_environment(region, environments)
    assert (folder.name, source.name) == (region, origin)
    for path in source.iterdir():
        if path.suffix == ".tf":
            assert (folder / path.name).readlink() == path.readlink() == Path("../stack", path.name)
    lock = ".terraform.lock.hcl"
    assert (folder / lock).read_bytes() == (source / lock).read_bytes()
    tfvars = (folder / "terraform.tfvars").read_text()
    assert f'region = "{region}"' in tfvars
    for name in ("terraform.tfvars", "backend.tf.example"):
        assert origin not in (folder / name).read_text()


def test_every_region_has_all_of_the_code_and_none_of_its_own() -> None:
    code = {path.name for path in (ENVIRONMENTS / "stack").glob("*.tf")}
    regions = [path.parent for path in ENVIRONMENTS.glob("*/terraform.tfvars")]
    for region in regions:
        if region.name != "local":
            links = {path.name: path.readlink() for path in region.glob("*.tf")}
            links.pop("backend.tf", None)
            assert links == {name: Path("../stack", name) for name in code}, region


SETTINGS = """
region = "us-east-1" # us-east-1, of course
tags = { Environment = "us-east-1", Site = "us-east-1 # 1" }
availability_zones = ["us-east-1a", "us-east-1b"]
cluster = { public_access_cidrs = [
  "203.0.113.7/32",
] }
// for models in us-east-1
model_bucket_arn = "arn:aws:s3:::models-us-east-1"
model_kms_key_arn = null
runtimes = {
  sdruntime = { values_file = "values/sd.yaml" }
  comfyui   = { values_file = "../shared.yaml", nodes = { snapshot_id = "snap-0123" } }
  # other   = { values_file = "other.yaml" }
}
"""


@pytest.fixture
def settled(environments: Path) -> Path:
    """Environments whose us-east-1 is a user's own."""
    source = environments / "us-east-1"
    (source / "terraform.tfvars").write_text(SETTINGS)
    (source / "values").mkdir()
    for name in ("values/sd.yaml", "../shared.yaml", "other.yaml"):
        (source / name).write_text(name)
    return environments


def test_only_what_speaks_of_the_region_itself_is_changed(settled: Path) -> None:
    folder, _ = new_environment("us-west-2", settled)
    changed = SETTINGS.replace(
        'region = "us-east-1" # us-east-1', 'region = "us-west-2" # us-west-2'
    )
    changed = changed.replace('Environment = "us-east-1"', 'Environment = "us-west-2"')
    changed = changed.replace("models in us-east-1", "models in us-west-2")
    assert (folder / "terraform.tfvars").read_text() == changed


def test_values_files_come_along_but_for_those_that_are_shared(settled: Path) -> None:
    folder, _ = new_environment("us-west-2", settled)
    assert (folder / "values" / "sd.yaml").read_text() == "values/sd.yaml"
    assert not (folder / "other.yaml").exists()
    assert [one.name for one in settled.glob("*.yaml")] == ["shared.yaml"]


def test_settings_that_are_hardly_the_other_regions_are_named(
    settled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env_new(EnvNewOptions(region="us-west-2", environments=settled))
    said = capsys.readouterr().out
    named = "availability_zones, model_bucket_arn, public_access_cidrs, snapshot_id;"
    assert f"set for us-east-1, and copied as they are: {named}" in said
    assert "values files, copied as they are: values/sd.yaml, ../shared.yaml;" not in said
    assert "values files, copied as they are: values/sd.yaml;" in said


def test_state_and_backend_of_the_source_stay_there(environments: Path) -> None:
    source = environments / "us-east-1"
    (source / "backend.tf").write_text("terraform {}")
    (source / "terraform.tfstate").write_text("{}")
    (source / ".terraform").mkdir()
    folder, _ = new_environment("eu-west-1", environments)
    left = {path.name for path in folder.iterdir()}
    assert not left & {"backend.tf", "terraform.tfstate", ".terraform"}


@pytest.mark.parametrize("region", ["", "../us-west-2", "us_west_2", "us-west", "US-WEST-2"])
def test_what_is_no_region_is_refused(environments: Path, region: str) -> None:
    with pytest.raises(EnvironmentRefusedError, match="no region's name"):
        new_environment(region, environments)


def test_an_existing_folder_is_not_touched(environments: Path) -> None:
    before = (environments / "us-east-1" / "terraform.tfvars").read_bytes()
    with pytest.raises(EnvironmentRefusedError, match="there already"):
        new_environment("us-east-1", environments)
    assert (environments / "us-east-1" / "terraform.tfvars").read_bytes() == before


def test_outside_of_a_checkout_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentRefusedError, match="checkout"):
        new_environment("us-west-2", tmp_path)


def test_a_slip_in_the_name_is_noted(
    environments: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert env_new(EnvNewOptions(region="us-wset-2", environments=environments)) == 0
    assert "a slip?" in capsys.readouterr().err
    assert env_new(EnvNewOptions(region="us-west-2", environments=environments)) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "make plan ENV=us-west-2" in said.out
    assert "copied as they are" not in said.out
