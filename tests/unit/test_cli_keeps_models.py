"""A destroy keeps a stack's own model bucket; one that was made by hand is none of its."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from easel_deploy.environments import log_groups
from easel_deploy.environments.adopt import adopt
from easel_deploy.environments.destroy import destroy
from easel_deploy.environments.retained_models import BUCKET
from easel_deploy.environments.stack import StandsElsewhereError
from easel_local.paths import ROOT
from tests.unit.stubbed_root import ACCOUNT, NAME, REGION, Managed, StubbedRoot

pytestmark = pytest.mark.unit

BUCKET_NAME = f"{NAME}-models-{ACCOUNT}-{REGION}"
POLICY = "module.model_bucket[0].aws_s3_bucket_policy.this"
OTHER = "module.api_fanout.aws_sns_topic.tasks"
MARK = {"Key": "easel:kept", "Value": "true"}
OWN = {"Key": "Stack", "Value": "easel"}
STATE: Managed = {
    BUCKET: {"bucket": BUCKET_NAME, "force_destroy": False},
    POLICY: {},
    OTHER: {},
}


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """S3 with a model in the stack's own bucket."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(log_groups, "_WATCH_SECONDS", 0)
    with mock_aws():
        s3: Any = boto3.client("s3", region_name=REGION)
        s3.create_bucket(Bucket=BUCKET_NAME)
        s3.put_bucket_tagging(Bucket=BUCKET_NAME, Tagging={"TagSet": [OWN]})
        s3.put_object(Bucket=BUCKET_NAME, Key="Stable-diffusion/a.safetensors", Body=b"x")
        yield s3


def tags(s3: Any) -> list[dict[str, str]]:
    found: list[dict[str, str]] = s3.get_bucket_tagging(Bucket=BUCKET_NAME)["TagSet"]
    return found


def test_a_bucket_with_models_leaves_the_state_before_terraform_destroys(
    models: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    root = StubbedRoot(STATE)
    assert destroy(root, ["-auto-approve"]) == 0
    assert root.ran[0] == ("state", "rm", BUCKET, POLICY)
    assert tags(models) == [OWN, MARK]
    said = capsys.readouterr().out
    assert f"s3://{BUCKET_NAME}: it holds models" in said
    assert "the models are yours" not in said


def test_an_empty_one_goes_with_the_stack(models: Any, capsys: pytest.CaptureFixture[str]) -> None:
    models.delete_object(Bucket=BUCKET_NAME, Key="Stable-diffusion/a.safetensors")
    root = StubbedRoot(STATE)
    assert destroy(root, ["-auto-approve"]) == 0
    assert [ran[0] for ran in root.ran] == ["destroy"]
    assert "models" not in capsys.readouterr().out


def test_a_second_destroy_still_says_what_the_first_has_kept(
    models: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    models.put_bucket_tagging(Bucket=BUCKET_NAME, Tagging={"TagSet": [OWN, MARK]})
    destroy(StubbedRoot({OTHER: {}}), ["-auto-approve"])
    assert f"s3://{BUCKET_NAME}: it holds models" in capsys.readouterr().out


def test_one_that_was_made_by_hand_is_left_alone(
    models: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    root = StubbedRoot({OTHER: {}})
    assert adopt(root) == []
    assert destroy(root, ["-auto-approve"]) == 0
    assert [ran[0] for ran in root.ran] == ["destroy"]
    assert tags(models) == [OWN]
    assert "the models are yours" in capsys.readouterr().out


def test_the_next_apply_takes_it_over_without_its_mark(models: Any) -> None:
    models.put_bucket_tagging(Bucket=BUCKET_NAME, Tagging={"TagSet": [OWN, MARK]})
    root = StubbedRoot({OTHER: {}})
    root.makes_model_bucket = True
    assert adopt(root) == [BUCKET_NAME]
    assert root.imported == [BUCKET]
    assert tags(models) == [OWN]


def test_an_apply_that_makes_none_imports_none(models: Any) -> None:
    models.put_bucket_tagging(Bucket=BUCKET_NAME, Tagging={"TagSet": [OWN, MARK]})
    root = StubbedRoot({OTHER: {}})
    assert adopt(root) == []
    assert MARK in tags(models)


@pytest.mark.usefixtures("models")
def test_one_that_no_destroy_has_kept_is_not_taken_over() -> None:
    root = StubbedRoot({OTHER: {}})
    root.makes_model_bucket = True
    with pytest.raises(StandsElsewhereError, match=f"s3://{BUCKET_NAME} is there"):
        adopt(root)
    assert root.ran == []


def test_its_name_is_the_one_that_terraform_gives_it() -> None:
    code = (ROOT / "envs" / "stack" / "main.tf").read_text()
    assert '"${var.name}-models-${local.account_id}-${var.region}"' in code
    assert 'module "model_bucket"' in code
    module = (ROOT / "modules" / "model-bucket" / "main.tf").read_text()
    assert f'resource "aws_s3_bucket" "{BUCKET.rpartition(".")[2]}"' in module
