"""A destroy keeps pictures and what reads them; the next apply takes them over, and only those."""

import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from easel_deploy.environments import adopt as adopt_module
from easel_deploy.environments import destroy as destroy_module
from easel_deploy.environments import log_groups
from easel_deploy.environments.adopt import adopt
from easel_deploy.environments.destroy import destroy
from easel_deploy.environments.plan_note import note, print_note
from easel_deploy.environments.retained_outputs import ALIAS, BUCKET, KEY
from easel_deploy.environments.stack import StandsElsewhereError
from easel_local.paths import ROOT
from tests.unit.stubbed_root import ACCOUNT, ALIAS_NAME, BUCKET_NAME, REGION, Managed, StubbedRoot

pytestmark = pytest.mark.unit

POLICY = "module.api_fanout.aws_s3_bucket_policy.output"
OTHER = "module.api_fanout.aws_sns_topic.tasks"
MARK = {"Key": "easel:kept", "Value": "true"}
OWN = {"Key": "Stack", "Value": "easel"}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(log_groups, "_WATCH_SECONDS", 0)
    with mock_aws():
        yield boto3.client("s3", region_name=REGION)


@pytest.fixture
def pictures(s3: Any) -> Any:
    s3.create_bucket(Bucket=BUCKET_NAME)
    s3.put_bucket_tagging(Bucket=BUCKET_NAME, Tagging={"TagSet": [OWN]})
    s3.put_object(Bucket=BUCKET_NAME, Key="outputs/t/t.png", Body=b"png")
    return s3


@pytest.fixture
def kms(s3: Any) -> Any:
    assert s3
    return boto3.client("kms", region_name=REGION)


@pytest.fixture
def key(kms: Any) -> str:
    made = kms.create_key(Tags=[{"TagKey": "Stack", "TagValue": "easel"}])["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=ALIAS_NAME, TargetKeyId=made)
    return str(made)


@pytest.fixture
def kept(pictures: Any, kms: Any, key: str) -> str:
    """The key of a stack that was destroyed."""
    pictures.put_bucket_tagging(Bucket=BUCKET_NAME, Tagging={"TagSet": [OWN, MARK]})
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "easel:kept", "TagValue": "true"}])
    return key


def stack(key: str = "", *, force_destroy: bool = False) -> Managed:
    state: Managed = {
        BUCKET: {"bucket": BUCKET_NAME, "force_destroy": force_destroy},
        POLICY: {},
        OTHER: {},
    }
    return state | ({KEY: {"key_id": key}, ALIAS: {}} if key else {})


def tags(s3: Any) -> list[dict[str, str]]:
    found: list[dict[str, str]] = s3.get_bucket_tagging(Bucket=BUCKET_NAME)["TagSet"]
    return found


def key_tags(kms: Any, key: str) -> dict[str, str]:
    found = kms.list_resource_tags(KeyId=key)["Tags"]
    return {one["TagKey"]: one["TagValue"] for one in found}


def made_usable_again(key: str) -> str:
    """The commands for a key that is being deleted; after the first alone it is disabled."""
    of_key = f"--region {REGION} --key-id {key}"
    return f"    aws kms cancel-key-deletion {of_key}\n    aws kms enable-key {of_key}\n"


def verbs(root: StubbedRoot) -> list[str]:
    return [ran[0] for ran in root.ran]


@pytest.mark.usefixtures("pictures")
def test_a_bucket_with_pictures_leaves_the_state_with_its_key_before_terraform_destroys(
    key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = StubbedRoot(stack(key))
    assert destroy(root, ["-auto-approve", "-parallelism=5"]) == 0
    assert root.ran == [
        ("state", "rm", BUCKET, POLICY, KEY, ALIAS),
        ("destroy", "-no-color", "-parallelism=5", "-auto-approve"),
    ]
    said = capsys.readouterr().out
    assert f"s3://{BUCKET_NAME}: it holds pictures" in said
    assert "s3://my-models" in said


def test_what_is_kept_is_marked_beside_its_other_tags(pictures: Any, kms: Any, key: str) -> None:
    destroy(StubbedRoot(stack(key)), ["-auto-approve"])
    assert tags(pictures) == [OWN, MARK]
    assert key_tags(kms, key) == {"Stack": "easel", "easel:kept": "true"}


def test_every_step_of_removing_it_for_good_is_said(
    pictures: Any, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pictures
    destroy(StubbedRoot(stack(key)), ["-auto-approve"])
    # The alias last: without it the key would be hard to find where somebody stops in between.
    assert (
        f"    aws kms schedule-key-deletion --region {REGION} --key-id {key}\n"
        f"    aws kms delete-alias --region {REGION} --alias-name {ALIAS_NAME}\n"
    ) in capsys.readouterr().out


def test_a_key_whose_alias_a_broken_off_destroy_has_deleted_gets_it_back(
    pictures: Any, kms: Any, key: str
) -> None:
    assert pictures
    kms.delete_alias(AliasName=ALIAS_NAME)
    state = stack(key)
    del state[ALIAS]
    destroy(StubbedRoot(state), ["-auto-approve"])
    assert adopt(StubbedRoot()) == [key, ALIAS_NAME, BUCKET_NAME]


@pytest.mark.usefixtures("pictures")
def test_a_key_that_somebody_has_given_up_goes_with_the_stack(
    kms: Any, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kms.schedule_key_deletion(KeyId=key)
    root = StubbedRoot(stack(key))
    destroy(root, ["-auto-approve"])
    assert root.ran[0] == ("state", "rm", BUCKET, POLICY)
    assert made_usable_again(key) in capsys.readouterr().out


def test_deleted_pictures_are_kept_as_long_as_a_version_is(pictures: Any) -> None:
    enabled = {"Status": "Enabled"}
    pictures.put_bucket_versioning(Bucket=BUCKET_NAME, VersioningConfiguration=enabled)
    pictures.delete_object(Bucket=BUCKET_NAME, Key="outputs/t/t.png")
    root = StubbedRoot(stack())
    destroy(root, ["-auto-approve"])
    assert verbs(root) == ["state", "destroy"]


def test_an_empty_bucket_is_destroyed(s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    s3.create_bucket(Bucket=BUCKET_NAME)
    root = StubbedRoot(stack())
    destroy(root, ["-auto-approve"])
    assert verbs(root) == ["destroy"]
    assert BUCKET_NAME not in capsys.readouterr().out


@pytest.mark.usefixtures("s3")
def test_a_bucket_that_somebody_deleted_is_no_hindrance() -> None:
    root = StubbedRoot(stack())
    destroy(root, ["-auto-approve"])
    assert verbs(root) == ["destroy"]


@pytest.mark.usefixtures("pictures")
def test_force_destroy_keeps_nothing_once_it_is_applied() -> None:
    root = StubbedRoot(stack(force_destroy=True))
    destroy(root, ["-auto-approve"])
    assert verbs(root) == ["destroy"]


@pytest.mark.usefixtures("s3")
def test_nothing_applied_nothing_kept(capsys: pytest.CaptureFixture[str]) -> None:
    root = StubbedRoot()
    assert destroy(root, ["-auto-approve"]) == 0
    assert verbs(root) == ["destroy"]
    assert "s3://" not in capsys.readouterr().out


def test_a_second_destroy_still_says_what_the_first_has_kept(
    kept: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = StubbedRoot({OTHER: {}})
    assert destroy(root, ["-auto-approve"]) == 0
    assert verbs(root) == ["destroy"]
    said = capsys.readouterr().out
    assert f"s3://{BUCKET_NAME}: it holds pictures" in said
    assert kept in said


def test_a_key_that_an_import_has_brought_back_alone_is_kept_with_its_bucket(kept: str) -> None:
    root = StubbedRoot({KEY: {"key_id": kept}, OTHER: {}})
    destroy(root, ["-auto-approve"])
    assert root.ran[0] == ("state", "rm", KEY)


@pytest.mark.usefixtures("pictures", "key")
@pytest.mark.parametrize("verb", ["destroy", "adopt"])
def test_a_stack_whose_state_is_elsewhere_is_left_alone(
    pictures: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    root = StubbedRoot()
    module = {"destroy": destroy_module, "adopt": adopt_module}[verb]
    monkeypatch.setattr(module, "RootModule", lambda _: root)
    assert module.main([str(ROOT / "envs" / "us-east-1")]) == 1
    assert root.ran == []
    assert tags(pictures) == [OWN]
    said = capsys.readouterr().err
    assert f"s3://{BUCKET_NAME} is there" in said
    assert "backend.tf" in said
    assert "put-bucket-tagging" in said


@pytest.mark.parametrize("option", [(f"-target={OTHER}",), ("--target", OTHER)])
def test_a_destroy_of_a_part_leaves_the_rest_in_the_state(
    pictures: Any, kms: Any, key: str, capsys: pytest.CaptureFixture[str], option: tuple[str, ...]
) -> None:
    root = StubbedRoot(stack(key))
    assert destroy(root, ["-auto-approve", *option]) == 0
    assert root.ran == [("destroy", "-no-color", *option, "-auto-approve")]
    assert tags(pictures) == [OWN]
    assert key_tags(kms, key) == {"Stack": "easel"}
    said = capsys.readouterr().out
    assert "the rest of stack easel in us-east-1 stands" in said
    assert BUCKET_NAME not in said


@pytest.mark.usefixtures("pictures")
def test_a_destroy_of_a_part_asks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    root = StubbedRoot(stack())
    assert destroy(root, [f"-target={OTHER}"]) == 3
    assert root.ran == []


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize("answer", ["", "y\n", "yes\n", "Easel\n"])
def test_only_the_stacks_name_destroys_it(
    monkeypatch: pytest.MonkeyPatch, pictures: Any, answer: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    root = StubbedRoot(stack())
    assert destroy(root, []) == 3
    assert root.ran == []
    assert tags(pictures) == [OWN]


@pytest.mark.usefixtures("pictures")
def test_the_stacks_name_destroys_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("easel\n"))
    root = StubbedRoot(stack())
    assert destroy(root, []) == 0
    assert verbs(root) == ["state", "destroy"]


def test_the_next_apply_takes_over_bucket_and_key_without_their_mark(
    kept: str, pictures: Any, kms: Any
) -> None:
    root = StubbedRoot({OTHER: {}})
    assert adopt(root) == [kept, ALIAS_NAME, BUCKET_NAME]
    assert root.imported == [KEY, ALIAS, BUCKET]
    assert tags(pictures) == [OWN]
    assert key_tags(kms, kept) == {"Stack": "easel"}


def test_an_import_that_broke_off_is_taken_up_again(kept: str) -> None:
    half = StubbedRoot({KEY: {"key_id": kept}})
    assert adopt(half) == [ALIAS_NAME, BUCKET_NAME]
    whole_but_alias = StubbedRoot(
        {KEY: {"key_id": kept}, BUCKET: {"bucket": BUCKET_NAME, "force_destroy": False}}
    )
    assert adopt(whole_but_alias) == [ALIAS_NAME]


def test_a_key_without_its_bucket_is_taken_over_too(kept: str, pictures: Any) -> None:
    pictures.delete_object(Bucket=BUCKET_NAME, Key="outputs/t/t.png")
    pictures.delete_bucket(Bucket=BUCKET_NAME)
    assert adopt(StubbedRoot()) == [kept, ALIAS_NAME]


def encrypt(s3: Any, key: str) -> None:
    """As Terraform does it: with the key's ARN."""
    default = {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}",
    }
    s3.put_bucket_encryption(
        Bucket=BUCKET_NAME,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default}]
        },
    )


def test_a_key_whose_alias_somebody_deleted_is_found_by_its_bucket(
    kept: str, pictures: Any, kms: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    encrypt(pictures, kept)
    kms.delete_alias(AliasName=ALIAS_NAME)
    destroy(StubbedRoot({OTHER: {}}), ["-auto-approve"])
    assert f"KMS key {kept} (1 USD a month)" in capsys.readouterr().out
    assert adopt(StubbedRoot()) == [kept, BUCKET_NAME]
    assert key_tags(kms, kept) == {"Stack": "easel"}


def test_a_key_that_only_its_bucket_names_needs_its_mark(
    kept: str, pictures: Any, kms: Any
) -> None:
    encrypt(pictures, kept)
    kms.delete_alias(AliasName=ALIAS_NAME)
    kms.untag_resource(KeyId=kept, TagKeys=["easel:kept"])
    root = StubbedRoot()
    with pytest.raises(StandsElsewhereError, match=f"tag-resource .*{kept}"):
        adopt(root)
    assert root.ran == []


def test_a_key_that_is_being_deleted_and_has_no_alias_is_not_taken_over(
    kept: str, pictures: Any, kms: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    encrypt(pictures, kept)
    kms.schedule_key_deletion(KeyId=kept)
    kms.delete_alias(AliasName=ALIAS_NAME)
    assert adopt(StubbedRoot()) == [BUCKET_NAME]
    assert made_usable_again(kept) in capsys.readouterr().out


def test_a_key_that_no_destroy_has_kept_is_not_taken_over(key: str) -> None:
    root = StubbedRoot()
    with pytest.raises(StandsElsewhereError, match=f"tag-resource .*{key}"):
        adopt(root)
    assert root.ran == []


def test_another_keys_alias_is_not_taken_over(kms: Any, key: str) -> None:
    assert key
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    root = StubbedRoot({KEY: {"key_id": other}})
    with pytest.raises(StandsElsewhereError, match="delete-alias"):
        adopt(root)
    assert root.ran == []


@pytest.mark.parametrize("is_bucket_left", [True, False])
def test_a_key_that_is_being_deleted_gives_its_alias_free(
    kept: str,
    kms: Any,
    pictures: Any,
    is_bucket_left: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kms.schedule_key_deletion(KeyId=kept)
    if not is_bucket_left:
        pictures.delete_object(Bucket=BUCKET_NAME, Key="outputs/t/t.png")
        pictures.delete_bucket(Bucket=BUCKET_NAME)
    assert adopt(StubbedRoot()) == ([BUCKET_NAME] if is_bucket_left else [])
    assert ALIAS_NAME not in {one["AliasName"] for one in kms.list_aliases()["Aliases"]}
    assert kms.describe_key(KeyId=kept)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert made_usable_again(kept) in capsys.readouterr().out


@pytest.mark.usefixtures("s3")
def test_a_first_apply_imports_nothing() -> None:
    root = StubbedRoot()
    assert adopt(root) == []
    assert root.ran == []


def test_a_plan_says_what_the_apply_takes_over_and_changes_nothing(
    kept: str, pictures: Any, kms: Any
) -> None:
    root = StubbedRoot({OTHER: {}})
    said = note(root)
    assert said
    assert f"  {kept}, {ALIAS_NAME}, {BUCKET_NAME}.\n" in said
    assert root.ran == []
    assert MARK in tags(pictures)
    kms.schedule_key_deletion(KeyId=kept)
    said = note(root)
    assert said
    assert f"  {BUCKET_NAME}.\n" in said
    assert kms.describe_key(KeyId=ALIAS_NAME)["KeyMetadata"]["KeyId"] == kept


@pytest.mark.usefixtures("pictures")
def test_a_plan_says_that_the_stack_stands_elsewhere() -> None:
    said = note(StubbedRoot())
    assert said
    assert f"`make apply` would stop at this: s3://{BUCKET_NAME} is there" in said


@pytest.mark.usefixtures("kept")
def test_a_plan_of_what_stands_and_a_first_one_say_nothing(pictures: Any, kms: Any) -> None:
    assert note(StubbedRoot(stack())) is None
    pictures.delete_object(Bucket=BUCKET_NAME, Key="outputs/t/t.png")
    pictures.delete_bucket(Bucket=BUCKET_NAME)
    kms.delete_alias(AliasName=ALIAS_NAME)
    assert note(StubbedRoot()) is None


@pytest.mark.usefixtures("kept")
def test_a_plan_does_not_fail_where_nothing_can_be_looked_at(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    print_note(StubbedRoot(), [])
    assert BUCKET_NAME in capsys.readouterr().err
    # These reach the plan alone.
    print_note(StubbedRoot(), ["-var=name=other"])
    monkeypatch.setenv("AWS_PROFILE", "that-is-nowhere")
    print_note(StubbedRoot(), [])
    assert capsys.readouterr() == ("", "")


def test_what_is_in_the_state_is_not_imported_again(kept: str) -> None:
    root = StubbedRoot(stack(kept))
    assert adopt(root) == []
    assert root.ran == []


def test_wrong_usage_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert adopt_module.main([]) == 2
    assert "usage" in capsys.readouterr().err
