"""`easel deploy` writes settings where nobody has decided, and never over a person's lines."""

from pathlib import Path

import pytest

from easel_cli.deployment.settings import SHIPPED_RUNTIMES, Settings, digest_of
from easel_cli.deployment.step import StepError
from easel_contract.task import RuntimeType
from easel_snapshot.hcl_objects import read_attributes

pytestmark = pytest.mark.unit

ENVIRONMENTS = Path(__file__).parents[2] / "envs"
SHIPPED = ("us-east-1", "cn-northwest-1")
DEFAULT = "sdruntime"


@pytest.fixture(params=SHIPPED)
def shipped(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    path = tmp_path / "terraform.tfvars"
    path.write_text((ENVIRONMENTS / request.param / path.name).read_text())
    return Settings(path)


def settings(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "terraform.tfvars"
    path.write_text(text)
    return Settings(path)


@pytest.mark.parametrize("region", SHIPPED)
def test_the_runtimes_that_easel_ships_are_known_as_such(region: str) -> None:
    text = (ENVIRONMENTS / region / "terraform.tfvars").read_text()
    digest = digest_of(read_attributes(text)["runtimes"].text)
    assert digest in SHIPPED_RUNTIMES, f"write {digest} into SHIPPED_RUNTIMES for {region}"


@pytest.mark.parametrize("kind", [None, *RuntimeType])
def test_of_the_shipped_runtimes_the_one_that_is_asked_for_stays(
    shipped: Settings, kind: RuntimeType | None
) -> None:
    before = shipped.path.read_text()
    shipped.choose_runtime("mine", kind, DEFAULT)
    (runtime,) = shipped.runtimes.items()
    assert runtime[0] == "mine"
    wanted = kind or RuntimeType.SDWEBUI
    assert runtime[1].members["type"].string == wanted
    assert "instance_types" in runtime[1].members["nodes"].members
    # All else is as it was, comments and all.
    assert shipped.path.read_text().startswith(before[: before.index("runtimes = {")])
    assert shipped.written == [f"runtimes: mine alone, of type {wanted}"]


def test_the_second_run_finds_what_the_first_has_written(shipped: Settings) -> None:
    shipped.choose_name("studio", lambda: False)
    shipped.choose_runtime(None, None, DEFAULT)
    text = shipped.path.read_text()
    again = Settings(shipped.path)
    again.choose_name("studio", lambda: True)
    again.choose_runtime(None, None, DEFAULT)
    again.choose_runtime(DEFAULT, RuntimeType.SDWEBUI, DEFAULT)
    assert again.written == []
    assert shipped.path.read_text() == text


def test_a_persons_runtimes_stay_and_one_may_be_added(tmp_path: Path) -> None:
    own = 'name = "easel"\nruntimes = {\n  # mine\n  night = { type = "sdwebui" }\n}\n'
    there = settings(tmp_path, own)
    there.choose_runtime(None, None, DEFAULT)
    there.choose_runtime(None, RuntimeType.SDWEBUI, DEFAULT)
    assert there.path.read_text() == own
    there.choose_runtime(None, RuntimeType.COMFYUI, DEFAULT)
    assert list(there.runtimes) == ["night", DEFAULT]
    assert '# mine\n  night = { type = "sdwebui" }' in there.path.read_text()
    assert there.runtimes[DEFAULT].members["image"].members["repository"].string == "easel/comfyui"


def test_a_name_that_is_taken_by_another_type_is_refused(tmp_path: Path) -> None:
    there = settings(tmp_path, 'name = "a"\nruntimes = { one = { type = "sdwebui" } }\n')
    with pytest.raises(StepError, match="has a runtime one of type sdwebui, not comfyui"):
        there.choose_runtime("one", RuntimeType.COMFYUI, DEFAULT)


@pytest.mark.parametrize(
    ("name", "is_applied", "why"),
    [("mine", False, "is there"), ("easel", True, "stands already")],
)
def test_a_stacks_name_is_not_changed_under_it(
    tmp_path: Path, name: str, is_applied: bool, why: str
) -> None:
    there = settings(tmp_path, f'name = "{name}"\n')
    with pytest.raises(StepError, match=why):
        there.choose_name("other", lambda: is_applied)
    assert there.name == name


def test_members_are_written_into_the_objects_that_are_there(shipped: Settings) -> None:
    assert not shipped.is_decided("cluster", "public_access_cidrs")
    shipped.set_member(("cluster", "public_access_cidrs"), '["203.0.113.7/32"]')
    assert shipped.strings("cluster", "public_access_cidrs") == ["203.0.113.7/32"]
    assert shipped.is_decided("cluster", "public_access_cidrs")
    assert 'kubernetes_version = "1.35"' in shipped.path.read_text()
    shipped.set_member(("runtimes", "sdruntime", "model_filename"), '"other.safetensors"')
    assert shipped.runtimes["sdruntime"].members["model_filename"].string == "other.safetensors"


def test_a_missing_object_is_made_and_another_value_in_its_place_is_refused(tmp_path: Path) -> None:
    there = settings(tmp_path, 'name = "a"\n')
    there.set_member(("cluster", "public_access_cidrs"), '["203.0.113.7/32"]')
    assert there.strings("cluster", "public_access_cidrs") == ["203.0.113.7/32"]
    odd = settings(tmp_path, 'name = "a"\ncluster = null\n')
    with pytest.raises(StepError, match="not written as an object"):
        odd.set_member(("cluster", "public_access_cidrs"), "[]")


def test_what_is_no_terraform_is_said_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"terraform\.tfvars: line 2"):
        _ = settings(tmp_path, 'name = "a"\n]\n').name
