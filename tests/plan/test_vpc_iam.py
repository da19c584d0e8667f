"""What the policies of modules/vpc allow, statement by statement."""

import pytest

from .conftest import Plan
from .planned_module import PlannedModule

pytestmark = pytest.mark.plan

PLACES = {
    "vpc": ("aws", "us-east-1", "amazonaws.com"),
    "china": ("aws-cn", "cn-northwest-1", "amazonaws.com.cn"),
}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, plan_of: Plan) -> tuple[PlannedModule, str, str, str]:
    return PlannedModule(plan_of("vpc"), request.param), *PLACES[request.param]


Place = tuple[PlannedModule, str, str, str]


def test_flow_logs_may_write_their_log_group_and_nothing_else(place: Place) -> None:
    module, partition, region, _ = place
    group = f"arn:{partition}:logs:{region}:123456789012:log-group:/aws/vpc/easel/flow-logs"
    (statement,) = module.statements("flow_logs").values()
    assert statement.effect == "Allow"
    # No logs:CreateLogGroup: a group that was destroyed stays away.
    assert statement.actions == {
        "logs:CreateLogStream",
        "logs:DescribeLogGroups",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
    }
    assert statement.resources == {group, f"{group}:*"}
    assert not statement.conditions


def test_only_this_accounts_flow_logs_may_take_the_role(place: Place) -> None:
    module, partition, region, _ = place
    (trust,) = module.statements("flow_logs_trust").values()
    assert trust.actions == {"sts:AssumeRole"}
    assert trust.principals == {("Service", "vpc-flow-logs.amazonaws.com")}
    source = f"arn:{partition}:ec2:{region}:123456789012:vpc-flow-log/*"
    assert trust.conditions == {
        ("StringEquals", "aws:SourceAccount"): frozenset({"123456789012"}),
        ("ArnLike", "aws:SourceArn"): frozenset({source}),
    }


def test_the_key_serves_the_flow_logs_only(place: Place) -> None:
    module, partition, region, suffix = place
    key = module.statements("key")
    assert key.keys() == {"AccountAdministersThroughIam", "CloudWatchEncryptsTheFlowLogs"}
    administration = key["AccountAdministersThroughIam"]
    assert administration.actions == {"kms:*"}
    assert administration.principals == {("AWS", f"arn:{partition}:iam::123456789012:root")}
    logs = key["CloudWatchEncryptsTheFlowLogs"]
    assert "kms:*" not in logs.actions
    assert logs.principals == {("Service", f"logs.{region}.{suffix}")}
    group = f"arn:{partition}:logs:{region}:123456789012:log-group:/aws/vpc/easel/flow-logs"
    assert logs.conditions == {
        ("ArnEquals", "kms:EncryptionContext:aws:logs:arn"): frozenset({group})
    }


def test_there_is_no_other_policy(place: Place) -> None:
    module, *_ = place
    assert module.policies() == {"flow_logs", "flow_logs_trust", "key"}
