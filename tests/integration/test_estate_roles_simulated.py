"""Policies are evaluated as IAM's documentation says, as far as ours go; beyond that not at all.

The cases are those of the IAM user guide: policy evaluation logic, the elements Action, Resource
and Condition, condition operators, single- and multivalued context keys.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration.estate_permissions import Permissions, Question, UnknownPolicyError

pytestmark = pytest.mark.unit

BUCKET = "arn:aws:s3:::example-bucket"


def statement(**elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"} | elements


def permissions(*statements: dict[str, Any]) -> Permissions:
    return Permissions([{"Version": "2012-10-17", "Statement": list(statements)}])


def conditioned(condition: dict[str, Any]) -> Permissions:
    return permissions(statement(Condition=condition))


def with_keys(keys: Mapping[str, str | list[str]]) -> Question:
    return Question("s3:GetObject", f"{BUCKET}/key", keys)


READ = with_keys({})


def test_what_no_statement_allows_is_refused() -> None:
    assert not permissions(statement(Action="s3:PutObject")).allow(READ)
    assert permissions(statement()).allow(READ)


def test_a_deny_outdoes_an_allow_whichever_comes_first() -> None:
    allow, deny = statement(), statement(Effect="Deny")
    assert not permissions(allow, deny).allow(READ)
    assert not permissions(deny, allow).allow(READ)
    assert not Permissions([{"Statement": [allow]}, {"Statement": [deny]}]).allow(READ)


@pytest.mark.parametrize(
    ("action", "matches"),
    [
        ("s3:GetObject", True),
        ("S3:getobject", True),
        ("s3:Get*", True),
        ("s3:GetObjec?", True),
        ("*", True),
        ("s3:GetObjectAcl", False),
        ("s3:Get", False),
        ("sqs:GetObject", False),
        (["s3:PutObject", "s3:GetObject"], True),
    ],
)
def test_actions_match_without_regard_to_case(action: str | list[str], matches: bool) -> None:
    assert permissions(statement(Action=action)).allow(READ) is matches


@pytest.mark.parametrize(
    ("resource", "matches"),
    [
        (f"{BUCKET}/key", True),
        (f"{BUCKET}/*", True),
        (f"{BUCKET}/ke?", True),
        ("*", True),
        (BUCKET, False),
        (f"{BUCKET}/Key", False),
        (f"{BUCKET}/key/", False),
        ("arn:aws-cn:s3:::example-bucket/*", False),
        ([BUCKET, f"{BUCKET}/*"], True),
    ],
)
def test_resources_match_to_the_letter(resource: str | list[str], matches: bool) -> None:
    assert permissions(statement(Resource=resource)).allow(READ) is matches


def test_one_of_a_keys_values_is_enough_and_every_key_and_operator_counts() -> None:
    allowed = conditioned(
        {
            "StringEquals": {"aws:RequestTag/a": ["1", "2"], "aws:RequestTag/b": "1"},
            "StringLike": {"aws:RequestTag/c": "*"},
        }
    )
    right: dict[str, str | list[str]] = {
        "aws:RequestTag/a": "2",
        "aws:RequestTag/b": "1",
        "aws:RequestTag/c": "any",
    }
    assert allowed.allow(with_keys(right))
    for name in right:
        assert not allowed.allow(with_keys({k: v for k, v in right.items() if k != name}))
    for name in ("aws:RequestTag/a", "aws:RequestTag/b"):
        assert not allowed.allow(with_keys({**right, name: "3"}))


@pytest.mark.parametrize(
    ("operator", "value", "keys", "matches"),
    [
        ("StringEquals", "Owned", {"aws:ResourceTag/o": "Owned"}, True),
        ("StringEquals", "Owned", {"aws:ResourceTag/o": "owned"}, False),
        ("StringEquals", "own*", {"aws:ResourceTag/o": "owned"}, False),
        ("StringEquals", "owned", {}, False),
        ("StringEqualsIfExists", "owned", {"aws:ResourceTag/o": "owned"}, True),
        ("StringEqualsIfExists", "owned", {"aws:ResourceTag/o": "shared"}, False),
        ("StringEqualsIfExists", "owned", {}, True),
        ("StringLike", "own*", {"aws:ResourceTag/o": "owned"}, True),
        ("StringLike", "own??", {"aws:ResourceTag/o": "owned"}, True),
        ("StringLike", "own?", {"aws:ResourceTag/o": "owned"}, False),
        ("StringLike", "Own*", {"aws:ResourceTag/o": "owned"}, False),
        ("StringLike", "*", {"aws:ResourceTag/o": ""}, True),
        ("StringLike", "*", {}, False),
        ("Bool", "true", {"aws:ResourceTag/o": "true"}, True),
        ("Bool", "true", {"aws:ResourceTag/o": "false"}, False),
        ("Bool", "true", {}, False),
    ],
)
def test_operators_on_a_key_with_one_value(
    operator: str, value: str, keys: dict[str, str | list[str]], matches: bool
) -> None:
    condition = {operator: {"aws:ResourceTag/o": value}}
    assert conditioned(condition).allow(with_keys(keys)) is matches


@pytest.mark.parametrize(
    ("keys", "matches"),
    [
        (["environment"], True),
        (["environment", "cost-center"], True),
        (["environment", "cost-center", "owner"], False),
        (["owner"], False),
        (["Environment"], False),
        ([], True),
        (None, True),
    ],
)
def test_for_all_values_none_may_be_another_and_none_at_all_is_right(
    keys: list[str] | None, matches: bool
) -> None:
    condition = {"ForAllValues:StringEquals": {"aws:TagKeys": ["environment", "cost-center"]}}
    question = READ if keys is None else with_keys({"aws:TagKeys": keys})
    assert conditioned(condition).allow(question) is matches


@pytest.mark.parametrize(
    ("keys", "matches"),
    [
        (["task/1"], True),
        (["task/1", "idempotency/1"], True),
        (["task/1", "else/1"], False),
        (["tasks/1"], False),
        (["else/task/1"], False),
        ([], True),
        (None, True),
    ],
)
def test_for_all_values_patterns_none_may_match_no_pattern(
    keys: list[str] | None, matches: bool
) -> None:
    patterns = ["task/*", "idempotency/*"]
    condition = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": patterns}}
    question = READ if keys is None else with_keys({"dynamodb:LeadingKeys": keys})
    assert conditioned(condition).allow(question) is matches


def test_names_of_keys_match_without_regard_to_case() -> None:
    allowed = conditioned({"StringEquals": {"AWS:requesttag/Team": "a"}})
    assert allowed.allow(with_keys({"aws:RequestTag/team": "a"}))


def test_the_region_is_a_key_like_others() -> None:
    allowed = conditioned({"StringEquals": {"aws:RequestedRegion": "us-east-1"}})
    assert allowed.allow(with_keys({"aws:RequestedRegion": "us-east-1"}))
    assert not allowed.allow(with_keys({"aws:RequestedRegion": "us-west-2"}))
    assert not allowed.allow(READ)


def test_an_action_is_named_wherever_it_is_allowed_on_something() -> None:
    allowed = permissions(statement(Action=["s3:Get*", "s3:PutObject"], Resource=f"{BUCKET}/key"))
    assert allowed.name("s3:GetObjectAcl")
    assert allowed.name("S3:putobject")
    assert not allowed.name("s3:PutObjectAcl")


def test_a_call_is_refused_for_one_no() -> None:
    allowed = permissions(statement(Resource=f"{BUCKET}/key"))
    other = Question("s3:GetObject", f"{BUCKET}/other")
    assert allowed.allow_all([READ, READ])
    assert not allowed.allow_all([READ, other])


@pytest.mark.parametrize(
    ("elements", "named"),
    [
        ({"Condition": {"NumericLessThan": {"s3:max-keys": "10"}}}, "NumericLessThan"),
        ({"Condition": {"StringEqual": {"aws:RequestTag/a": "1"}}}, "StringEqual"),
        ({"Condition": {"stringequals": {"aws:RequestTag/a": "1"}}}, "stringequals"),
        ({"NotAction": "s3:PutObject"}, "NotAction"),
        ({"NotResource": BUCKET}, "NotResource"),
        ({"Resource": BUCKET + "/${aws:username}/*"}, "variable"),
    ],
)
def test_what_is_not_known_is_never_guessed(elements: dict[str, Any], named: str) -> None:
    with pytest.raises(UnknownPolicyError, match=named):
        permissions(statement(**elements))
