"""Which bucket `easel models` is about: options first, then the stack's outputs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from easel_models.errors import UsageError
from easel_models.options import BucketOptions
from easel_models.target import find_target

pytestmark = pytest.mark.unit

OUTPUTS = {
    "region": "eu-west-1",
    "model_bucket": "models-of-the-stack",
    "runtimes": {"sd": {"type": "sdwebui", "model_filename": "a.safetensors", "queue_url": "x"}},
}


@pytest.fixture(autouse=True)
def _no_region(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))


def outputs(env: str | None, path: Path | None) -> Mapping[str, Any]:
    assert (env, path) == ("eu-west-1", None)
    return OUTPUTS


def nobody(env: str | None, path: Path | None) -> Mapping[str, Any]:
    raise AssertionError(f"nobody has to be asked: {env}, {path}")


def test_a_stack_says_bucket_region_and_runtimes() -> None:
    target = find_target(BucketOptions(env="eu-west-1"), outputs, 1)
    assert (target.bucket.url, target.region) == ("s3://models-of-the-stack", "eu-west-1")
    assert target.runtimes == {"sd": ("sdwebui", "a.safetensors")}


def test_options_go_before_the_stack() -> None:
    target = find_target(
        BucketOptions(env="eu-west-1", bucket="mine", region="eu-north-1"), outputs, 1
    )
    assert (target.bucket.url, target.region) == ("s3://mine", "eu-north-1")


def test_a_bucket_and_a_region_need_no_stack() -> None:
    target = find_target(
        BucketOptions(bucket="mine", region="eu-north-1", prefix="/sd/1/"), nobody, 1
    )
    assert target.bucket.url == "s3://mine/sd/1"
    assert target.bucket.full_key("VAE/a") == "sd/1/VAE/a"


def test_a_stack_that_was_not_applied_is_said() -> None:
    with pytest.raises(UsageError, match="not applied yet"):
        find_target(BucketOptions(env="eu-west-1"), lambda *_: {}, 1)


def test_a_region_is_asked_for_where_nothing_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="--region"):
        find_target(BucketOptions(bucket="mine"), nobody, 1)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-south-1")
    assert find_target(BucketOptions(bucket="mine"), nobody, 1).region == "eu-south-1"
