"""The folder that an environment is applied from on this machine."""

import json
from pathlib import Path
from typing import Any

import pytest

from easel_local.estate import folder, testers
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


OWN_KEY = {"default": {"requests_per_day": 9}}
ROLE = "arn:aws:iam::000000000000:role/mine"


@pytest.mark.parametrize(
    ("region", "authorization", "keys", "wanted"),
    [
        ("us-east-1", "API_KEY", OWN_KEY, OWN_KEY | {"neighbour": {}}),
        ("cn-northwest-1", "API_KEY", OWN_KEY | {"team": {}}, None),  # there is a second tenant
        ("us-east-1", "AWS_IAM", OWN_KEY, None),
    ],
)
def test_tests_get_a_second_tenant_and_publish_beside_a_persons_own_settings(
    tmp_path: Path, region: str, authorization: str, keys: dict[str, Any], wanted: Any
) -> None:
    told = {"api_keys": keys, "task_publishers": [ROLE], "authorization": authorization}
    testers.write_settings(tmp_path, region, told)
    (file,) = tmp_path.iterdir()
    written = json.loads(file.read_text())
    assert file.name.endswith(".auto.tfvars.json")  # Terraform reads it by itself
    assert written.get("api_keys") == wanted
    own, added = written["task_publishers"]
    assert own == ROLE
    partition = "aws-cn" if region.startswith("cn-") else "aws"
    assert added == f"arn:{partition}:iam::000000000000:root"
    testers.remove_settings(tmp_path)
    assert list(tmp_path.iterdir()) == []
