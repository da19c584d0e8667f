"""The folder that an environment is applied from on this machine."""

from pathlib import Path

import pytest

from easel_local.estate import folder
from easel_local.estate.folder import root_folder

pytestmark = pytest.mark.unit


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "checkout"
    source = root / "envs" / "us-east-1"
    source.mkdir(parents=True)
    (root / "modules").mkdir()
    for name in (
        "main.tf",
        "terraform.tfvars",
        "values.yaml",
        "backend.tf",
        "terraform.tfstate",
        "terraform.tfstate.backup",
        ".terraform.lock.hcl",
    ):
        (source / name).write_text(name)
    (source / ".terraform").mkdir()
    monkeypatch.setattr(folder, "ROOT", root)
    return root


def test_it_has_the_environments_files_and_reaches_the_modules(
    checkout: Path, tmp_path: Path
) -> None:
    root = root_folder("us-east-1", tmp_path / "home")
    for name in ("main.tf", "terraform.tfvars", "values.yaml"):
        assert (root / name).readlink() == checkout / "envs" / "us-east-1" / name
    assert (root / ".." / ".." / "modules").resolve() == checkout / "modules"


def test_a_users_backend_and_state_stay_out_of_it(checkout: Path, tmp_path: Path) -> None:
    assert checkout
    root = root_folder("us-east-1", tmp_path / "home")
    there = {path.name for path in root.iterdir()}
    assert there == {"main.tf", "terraform.tfvars", "values.yaml", ".terraform.lock.hcl"}


def test_its_lock_file_is_a_copy(checkout: Path, tmp_path: Path) -> None:
    root = root_folder("us-east-1", tmp_path / "home")
    (root / ".terraform.lock.hcl").write_text("changed by init")
    original = checkout / "envs" / "us-east-1" / ".terraform.lock.hcl"
    assert original.read_text() == ".terraform.lock.hcl"


def test_what_the_environment_no_longer_has_goes_and_the_state_stays(
    checkout: Path, tmp_path: Path
) -> None:
    root = root_folder("us-east-1", tmp_path / "home")
    (root / "terraform.tfstate").write_text("of this machine")
    (checkout / "envs" / "us-east-1" / "values.yaml").unlink()
    root_folder("us-east-1", tmp_path / "home")
    assert not (root / "values.yaml").is_symlink()
    assert (root / "terraform.tfstate").read_text() == "of this machine"
