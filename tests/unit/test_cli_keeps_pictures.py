"""A destroy keeps pictures and what reads them; the next apply takes them over."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from easel_cli.environments import kept_outputs
from easel_cli.environments.destroy import destroy
from easel_cli.environments.kept_outputs import ALIAS, BUCKET, KEY, adopt, kept_by_destroy
from easel_cli.environments.root_module import RootModule

pytestmark = pytest.mark.unit

NAME = "easel-outputs-123456789012-us-east-1"
POLICY = "module.api_fanout.aws_s3_bucket_policy.output"
OTHER = "module.api_fanout.aws_sns_topic.tasks"


class StubbedModule(RootModule):
    """A root module whose Terraform only writes down what it was told."""

    def __init__(self, *addresses: str, force_destroy: bool = False) -> None:
        super().__init__(Path("envs/us-east-1"))
        self.addresses = list(addresses)
        self.ran: list[tuple[str, ...]] = []
        self._force_destroy = force_destroy

    def outputs(self) -> dict[str, Any]:
        return {"output_bucket": NAME, "model_bucket": "my-models"} if self.addresses else {}

    def resources(self) -> list[str]:
        return self.addresses

    def evaluate(self, expression: str) -> Any:
        if "force_destroy" in expression:
            return self._force_destroy
        return {"name": "easel", "region": "us-east-1"}

    def run(self, *arguments: str) -> None:
        self.ran.append(arguments)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("s3", region_name="us-east-1")


@pytest.fixture
def pictures(s3: Any) -> Any:
    s3.create_bucket(Bucket=NAME)
    s3.put_object(Bucket=NAME, Key="outputs/t/t.png", Body=b"png")
    return s3


def stack(*, force_destroy: bool = False) -> StubbedModule:
    return StubbedModule(BUCKET, POLICY, KEY, ALIAS, OTHER, force_destroy=force_destroy)


@pytest.mark.usefixtures("pictures")
def test_a_bucket_with_pictures_leaves_the_state_with_its_key() -> None:
    kept = kept_by_destroy(stack(), "us-east-1")
    assert kept is not None
    assert kept.bucket == NAME
    assert set(kept.addresses) == {BUCKET, POLICY, KEY, ALIAS}


def test_deleted_pictures_are_kept_as_long_as_a_version_is(pictures: Any) -> None:
    enabled = {"Status": "Enabled"}
    pictures.put_bucket_versioning(Bucket=NAME, VersioningConfiguration=enabled)
    pictures.delete_object(Bucket=NAME, Key="outputs/t/t.png")
    assert kept_by_destroy(stack(), "us-east-1") is not None


def test_an_empty_bucket_is_destroyed(s3: Any) -> None:
    s3.create_bucket(Bucket=NAME)
    assert kept_by_destroy(stack(), "us-east-1") is None


@pytest.mark.usefixtures("s3")
def test_a_bucket_that_somebody_deleted_is_no_hindrance() -> None:
    assert kept_by_destroy(stack(), "us-east-1") is None


@pytest.mark.usefixtures("pictures")
def test_force_destroy_keeps_nothing() -> None:
    assert kept_by_destroy(stack(force_destroy=True), "us-east-1") is None


@pytest.mark.usefixtures("s3")
def test_nothing_applied_nothing_kept() -> None:
    assert kept_by_destroy(StubbedModule(), "us-east-1") is None


@pytest.mark.usefixtures("pictures")
def test_pictures_leave_the_state_before_terraform_destroys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    module = stack()
    assert destroy(module, ["-auto-approve", "-parallelism=5"]) == 0
    assert module.ran == [
        ("state", "rm", BUCKET, POLICY, KEY, ALIAS),
        ("destroy", "-no-color", "-parallelism=5", "-auto-approve"),
    ]
    said = capsys.readouterr().out
    assert f"s3://{NAME}: it holds pictures" in said
    assert "s3://my-models" in said


@pytest.mark.usefixtures("pictures")
def test_a_second_destroy_still_says_what_the_first_has_kept(
    capsys: pytest.CaptureFixture[str],
) -> None:
    module = StubbedModule(OTHER)
    assert destroy(module, ["-auto-approve"]) == 0
    assert [ran[0] for ran in module.ran] == ["destroy"]
    assert f"s3://{NAME}: it holds pictures" in capsys.readouterr().out


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize("answer", ["", "y\n", "yes\n", "Easel\n"])
def test_only_the_stacks_name_destroys_it(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    module = stack()
    assert destroy(module, []) == 3
    assert module.ran == []


@pytest.mark.usefixtures("pictures")
def test_the_stacks_name_destroys_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("easel\n"))
    module = stack()
    assert destroy(module, []) == 0
    assert [ran[0] for ran in module.ran] == ["state", "destroy"]


@pytest.mark.usefixtures("pictures")
def test_the_next_apply_takes_bucket_and_key_over() -> None:
    kms = boto3.client("kms", region_name="us-east-1")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/easel-tasks", TargetKeyId=key)
    module = StubbedModule(OTHER)
    assert adopt(module) == [NAME, key, "alias/easel-tasks"]
    assert [ran[2:] for ran in module.ran] == [
        (BUCKET, NAME),
        (KEY, key),
        (ALIAS, "alias/easel-tasks"),
    ]


@pytest.mark.usefixtures("pictures")
def test_a_key_that_is_being_deleted_is_not_taken_over() -> None:
    kms = boto3.client("kms", region_name="us-east-1")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/easel-tasks", TargetKeyId=key)
    kms.schedule_key_deletion(KeyId=key)
    assert adopt(StubbedModule()) == [NAME]


@pytest.mark.usefixtures("s3")
def test_a_first_apply_imports_nothing() -> None:
    module = StubbedModule()
    assert adopt(module) == []
    assert module.ran == []


@pytest.mark.usefixtures("pictures")
def test_what_is_in_the_state_is_not_imported_again() -> None:
    assert adopt(stack()) == []


def test_wrong_usage_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert kept_outputs.main(["adopt"]) == 2
    assert "usage" in capsys.readouterr().err
