"""Which rights the caller lacks for an apply, as far as IAM's simulator can tell.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html: it knows the
policies of the account and of its organisation, not those of resources, and is asked about all
resources here: a policy that allows some alone counts as none.
"""

from collections.abc import Sequence

from botocore.exceptions import ClientError

from easel_doctor.excuses import is_refused
from easel_doctor.finding import Finding, Problem, fail, found, unchecked, warn
from easel_doctor.subject import Subject
from easel_snapshot.rights import simulated_principal

RIGHTS = {
    "aws_api_gateway_rest_api": ("apigateway:POST", "apigateway:PATCH"),
    "aws_cloudwatch_event_rule": ("events:PutRule", "events:PutTargets"),
    "aws_cloudwatch_composite_alarm": ("cloudwatch:PutCompositeAlarm",),
    "aws_cloudwatch_dashboard": ("cloudwatch:PutDashboard",),
    "aws_cloudwatch_log_group": ("logs:CreateLogGroup", "logs:PutRetentionPolicy"),
    "aws_cloudwatch_metric_alarm": ("cloudwatch:PutMetricAlarm",),
    "aws_cloudwatch_query_definition": ("logs:PutQueryDefinition",),
    "aws_dynamodb_table": ("dynamodb:CreateTable",),
    "aws_ec2_tag": ("ec2:CreateTags",),
    "aws_eip": ("ec2:AllocateAddress",),
    "aws_eks_access_entry": ("eks:CreateAccessEntry", "eks:AssociateAccessPolicy"),
    "aws_eks_addon": ("eks:CreateAddon",),
    "aws_eks_cluster": ("eks:CreateCluster", "eks:DescribeCluster"),
    "aws_eks_node_group": ("eks:CreateNodegroup",),
    "aws_eks_pod_identity_association": ("eks:CreatePodIdentityAssociation",),
    "aws_flow_log": ("ec2:CreateFlowLogs",),
    "aws_iam_policy": ("iam:CreatePolicy",),
    "aws_iam_role": ("iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PassRole"),
    "aws_internet_gateway": ("ec2:CreateInternetGateway",),
    "aws_kms_key": ("kms:CreateKey", "kms:CreateAlias"),
    "aws_lambda_event_source_mapping": ("lambda:CreateEventSourceMapping",),
    "aws_lambda_function": ("lambda:CreateFunction", "lambda:AddPermission"),
    "aws_launch_template": ("ec2:CreateLaunchTemplate",),
    "aws_nat_gateway": ("ec2:CreateNatGateway",),
    "aws_route_table": ("ec2:CreateRouteTable", "ec2:CreateRoute"),
    "aws_s3_bucket": ("s3:CreateBucket", "s3:PutBucketPolicy", "s3:PutEncryptionConfiguration"),
    "aws_secretsmanager_secret": ("secretsmanager:CreateSecret",),
    "aws_security_group": ("ec2:CreateSecurityGroup", "ec2:AuthorizeSecurityGroupIngress"),
    "aws_sns_topic": ("sns:CreateTopic", "sns:Subscribe"),
    "aws_sqs_queue": ("sqs:CreateQueue", "sqs:SetQueueAttributes"),
    "aws_subnet": ("ec2:CreateSubnet",),
    "aws_vpc": ("ec2:CreateVpc",),
    "aws_vpc_endpoint": ("ec2:CreateVpcEndpoint",),
}
"""What makes each kind of resource; the lesser ones (aliases, rules, versions) go with these.

The actions are those of the service authorization reference."""

_ASKED_AT_ONCE = 50
_ALLOWED, _DENIED = "allowed", "explicitDeny"


def look_at_rights(subject: Subject) -> Finding:
    """Asks IAM's simulator for what an apply begins with."""
    actions = sorted({action for group in RIGHTS.values() for action in group})
    principal = simulated_principal(subject.aws, subject.caller)
    if principal is None:
        text = "the account's root may do everything, and should apply nothing"
        remedy = "Use a role: https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html"
        return found("the account's root", [warn(text, remedy)])
    try:
        decisions = _decisions(subject, principal, actions)
    except ClientError as error:
        if not is_refused(error):
            raise
        remedy = "Give them iam:SimulatePrincipalPolicy, or apply: the first refusal names a right."
        text = "these credentials may not ask IAM for their own rights"
        return found(f"{len(actions)} rights", [unchecked(text, remedy)])
    allowed = sum(decision == _ALLOWED for decision in decisions.values())
    return found(f"{allowed} of {len(actions)} rights", _problems(principal, decisions))


def _decisions(subject: Subject, principal: str, actions: Sequence[str]) -> dict[str, str]:
    decisions = {}
    for start in range(0, len(actions), _ASKED_AT_ONCE):
        pages = subject.aws.iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=principal, ActionNames=actions[start : start + _ASKED_AT_ONCE]
        )
        for page in pages:
            for one in page["EvaluationResults"]:
                # A condition on what the simulator was not told is not known to fail.
                unsure = bool(one.get("MissingContextValues"))
                decisions[str(one["EvalActionName"])] = (
                    _ALLOWED if unsure else str(one["EvalDecision"])
                )
    return decisions


def _problems(principal: str, decisions: dict[str, str]) -> list[Problem]:
    denied = [action for action, decision in decisions.items() if decision == _DENIED]
    missing = [
        action for action, decision in decisions.items() if decision not in (_ALLOWED, _DENIED)
    ]
    problems = []
    if denied:
        problems.append(
            fail(
                f"a policy denies {', '.join(denied)}",
                f"Look through the policies of {principal} and of the organisation (SCP).",
            )
        )
    if missing:
        problems.append(
            warn(
                f"no policy allows, for all resources: {', '.join(missing)}",
                f"Add them for {principal}, unless a policy allows them for easel's own names.",
            )
        )
    return problems
