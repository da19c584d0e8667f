"""What the other policies of modules/eks-karpenter allow, statement by statement."""

import json

import pytest

from .conftest import Plan
from .planned_module import PlannedModule, assert_no_action_is_left_open

pytestmark = pytest.mark.plan

SCENARIOS = ("eks_karpenter", "china", "tuned")
PLACES = {
    "eks_karpenter": ("aws", "us-east-1", "amazonaws.com"),
    "china": ("aws-cn", "cn-northwest-1", "amazonaws.com.cn"),
}
ACCOUNT = "123456789012"
MODEL_KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PODS = {
    "cloudwatch": ("amazon-cloudwatch", "cloudwatch-agent"),
    "karpenter": ("kube-system", "karpenter"),
    "mountpoint": ("kube-system", "s3-csi-driver-sa"),
    "vpc-cni": ("kube-system", "aws-node"),
}


@pytest.fixture(params=SCENARIOS)
def module(request: pytest.FixtureRequest, plan_of: Plan) -> PlannedModule:
    return PlannedModule(plan_of("eks_karpenter"), request.param)


def managed_policies(module: PlannedModule, name: str) -> set[str]:
    """The AWS-managed policies of a role, by the name of their attachment."""
    return {
        attachment["policy_arn"]
        for address, attachment in module.resources("aws_iam_role_policy_attachment").items()
        if address.partition(".")[2].partition("[")[0] == name
    }


@pytest.mark.parametrize("scenario", PLACES)
@pytest.mark.parametrize("role", PODS)
def test_a_pods_role_is_for_this_service_account_of_this_cluster_only(
    plan_of: Plan, scenario: str, role: str
) -> None:
    partition, region, _ = PLACES[scenario]
    namespace, service_account = PODS[role]
    module = PlannedModule(plan_of("eks_karpenter"), scenario)
    (trust,) = module.statements(f'pod_trust["{role}"]').values()
    assert trust.actions == {"sts:AssumeRole", "sts:TagSession"}
    assert trust.principals == {("Service", "pods.eks.amazonaws.com")}
    assert trust.conditions == {
        ("StringEquals", "aws:SourceAccount"): frozenset({ACCOUNT}),
        ("StringEquals", "aws:RequestTag/eks-cluster-arn"): frozenset(
            {f"arn:{partition}:eks:{region}:{ACCOUNT}:cluster/easel"}
        ),
        ("StringEquals", "aws:RequestTag/kubernetes-namespace"): frozenset({namespace}),
        ("StringEquals", "aws:RequestTag/kubernetes-service-account"): frozenset({service_account}),
    }


def test_every_pods_role_trusts_by_its_own_document(module: PlannedModule) -> None:
    roles = module.resources("aws_iam_role")
    pods = {address: role for address, role in roles.items() if ".pod[" in address}
    assert len(pods) == len(PODS)
    for address, role in pods.items():
        key = address.partition('["')[2].removesuffix('"]')
        (statement,) = json.loads(role["assume_role_policy"])["Statement"]
        tags = statement["Condition"]["StringEquals"]
        assert tags["aws:RequestTag/kubernetes-service-account"] == PODS[key][1]


@pytest.mark.parametrize("scenario", PLACES)
def test_aws_keeps_these_policies_for_these_roles(plan_of: Plan, scenario: str) -> None:
    prefix = f"arn:{PLACES[scenario][0]}:iam::aws:policy/"
    module = PlannedModule(plan_of("eks_karpenter"), scenario)
    assert managed_policies(module, "cluster") == {f"{prefix}AmazonEKSClusterPolicy"}
    # Without the network's: aws-node has a role of its own.
    assert managed_policies(module, "system_nodes") == {
        f"{prefix}AmazonEC2ContainerRegistryPullOnly",
        f"{prefix}AmazonEKSWorkerNodePolicy",
        f"{prefix}AmazonSSMManagedInstanceCore",
    }
    assert managed_policies(module, "pod") == {
        f"{prefix}AmazonEKS_CNI_Policy",
        f"{prefix}CloudWatchAgentServerPolicy",
    }
    attachments = module.resources("aws_iam_role_policy_attachment")
    roles = {
        address: attachment["role"]
        for address, attachment in attachments.items()
        if ".pod[" in address
    }
    region = PLACES[scenario][1]
    assert roles == {
        'aws_iam_role_policy_attachment.pod["cloudwatch"]': f"easel-{region}-cloudwatch",
        'aws_iam_role_policy_attachment.pod["vpc-cni"]': f"easel-{region}-vpc-cni",
    }


@pytest.mark.parametrize("scenario", PLACES)
def test_cluster_and_nodes_trust_one_service_each(plan_of: Plan, scenario: str) -> None:
    module = PlannedModule(plan_of("eks_karpenter"), scenario)
    suffix = PLACES[scenario][2]
    expected = {"cluster_trust": "eks.amazonaws.com", "node_trust": f"ec2.{suffix}"}
    for document, service in expected.items():
        (trust,) = module.statements(document).values()
        assert trust.actions == {"sts:AssumeRole"}
        assert trust.principals == {("Service", service)}
    for role, service in {
        "cluster": "eks.amazonaws.com",
        "system_nodes": f"ec2.{suffix}",
        "karpenter_nodes": f"ec2.{suffix}",
    }.items():
        document = json.loads(module.resource(f"aws_iam_role.{role}")["assume_role_policy"])
        assert [it["Principal"] for it in document["Statement"]] == [{"Service": service}]


@pytest.mark.parametrize(
    ("scenario", "buckets"),
    [
        ("eks_karpenter", {"arn:aws:s3:::easel-models-123456789012-us-east-1"}),
        ("china", {"arn:aws-cn:s3:::easel-models-123456789012-cn-northwest-1"}),
        ("tuned", {"arn:aws:s3:::models-a", "arn:aws:s3:::models-b"}),
    ],
)
def test_the_mountpoint_driver_may_read_models_and_nothing_else(
    plan_of: Plan, scenario: str, buckets: set[str]
) -> None:
    module = PlannedModule(plan_of("eks_karpenter"), scenario)
    assert {
        sid: (it.effect, set(it.actions), set(it.resources))
        for sid, it in module.statements("mountpoint").items()
    } == {
        "ListModels": ("Allow", {"s3:ListBucket"}, buckets),
        "ReadModels": ("Allow", {"s3:GetObject"}, {f"{arn}/*" for arn in buckets}),
        **(
            {"DecryptModels": ("Allow", {"kms:Decrypt"}, {MODEL_KEY})}
            if scenario == "tuned"
            else {}
        ),
    }
    inline = module.resources("aws_iam_role_policy")
    assert list(inline) == ["aws_iam_role_policy.mountpoint[0]"]


def test_an_addon_that_is_left_out_leaves_no_role_behind(plan_of: Plan) -> None:
    bare = PlannedModule(plan_of("eks_karpenter"), "bare")
    pods = {it for it in bare.resources("aws_iam_role") if it.startswith("aws_iam_role.pod[")}
    assert pods == {'aws_iam_role.pod["karpenter"]', 'aws_iam_role.pod["vpc-cni"]'}
    assert bare.resources("aws_iam_role_policy") == {}
    assert {it.endswith("AmazonEKS_CNI_Policy") for it in managed_policies(bare, "pod")} == {True}


def test_karpenter_uses_no_key_unless_told_so(plan_of: Plan) -> None:
    plan = plan_of("eks_karpenter")
    assert "volume_keys" not in PlannedModule(plan, "eks_karpenter").policies()
    china = PlannedModule(plan, "china")
    key = "arn:aws-cn:kms:cn-northwest-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    by_ec2 = {
        ("StringEquals", "kms:ViaService"): frozenset({"ec2.cn-northwest-1.amazonaws.com.cn"})
    }
    statements = china.statements("volume_keys[0]")
    assert {it.resources for it in statements.values()} == {frozenset({key})}
    assert statements["UseVolumeKeys"].conditions == by_ec2
    assert statements["GrantVolumeKeysToEC2"].actions == {"kms:CreateGrant"}
    assert statements["GrantVolumeKeysToEC2"].conditions == {
        **by_ec2,
        ("Bool", "kms:GrantIsForAWSResource"): frozenset({"true"}),
    }
    assert 'aws_iam_role_policy_attachment.karpenter["volume-keys"]' in china.resources(
        "aws_iam_role_policy_attachment"
    )


@pytest.mark.parametrize("scenario", PLACES)
def test_the_key_serves_the_logs_of_this_cluster_only(plan_of: Plan, scenario: str) -> None:
    partition, region, suffix = PLACES[scenario]
    module = PlannedModule(plan_of("eks_karpenter"), scenario)
    key = module.statements("key")
    assert key.keys() == {"AccountAdministersThroughIam", "CloudWatchEncryptsTheseLogGroups"}
    root = f"arn:{partition}:iam::{ACCOUNT}:root"
    assert key["AccountAdministersThroughIam"].principals == {("AWS", root)}
    logs = key["CloudWatchEncryptsTheseLogGroups"]
    assert logs.principals == {("Service", f"logs.{region}.{suffix}")}
    prefix = f"arn:{partition}:logs:{region}:{ACCOUNT}:log-group:"
    groups = {group["name"] for group in module.resources("aws_cloudwatch_log_group").values()}
    assert groups == {
        "/aws/eks/easel/cluster",
        "/aws/containerinsights/easel/application",
        "/aws/containerinsights/easel/dataplane",
        "/aws/containerinsights/easel/host",
        "/aws/containerinsights/easel/performance",
    }
    assert logs.conditions == {
        ("ArnEquals", "kms:EncryptionContext:aws:logs:arn"): frozenset(
            prefix + name for name in groups
        )
    }


def test_no_policy_allows_every_action(module: PlannedModule) -> None:
    for policy in module.policies():
        assert_no_action_is_left_open(module, policy)


def test_nothing_but_lists_and_the_keys_own_policy_names_no_resource(module: PlannedModule) -> None:
    everywhere = {
        (policy, sid)
        for policy in module.policies()
        for sid, statement in module.statements(policy).items()
        if statement.effect == "Allow" and "*" in statement.resources and not statement.conditions
    }
    assert everywhere == {
        # A key's own policy: this key.
        ("key", "AccountAdministersThroughIam"),
        # Published so; both only list.
        ("resource_discovery", "AllowPricingReadActions"),
        ("resource_discovery", "AllowUnscopedInstanceProfileListAction"),
    }


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_roles_have_names_of_their_own_in_every_region(plan_of: Plan, scenario: str) -> None:
    region = "cn-northwest-1" if scenario == "china" else "us-east-1"
    roles = PlannedModule(plan_of("eks_karpenter"), scenario).resources("aws_iam_role")
    names = [role["name"] for role in roles.values()]
    assert len(names) == len(set(names)) == 7
    for name in names:
        assert region in name
        # In the region with the longest name it is two characters more.
        assert len(name.replace(region, "ap-southeast-1")) <= 64


@pytest.mark.parametrize("scenario", PLACES)
def test_access_entries_get_the_policy_that_they_name(plan_of: Plan, scenario: str) -> None:
    partition = PLACES[scenario][0]
    module = PlannedModule(plan_of("eks_karpenter"), scenario)
    associations = module.resources("aws_eks_access_policy_association").values()
    policy = "AmazonEKSClusterAdminPolicy" if partition == "aws" else "AmazonEKSViewPolicy"
    assert [(it["policy_arn"], it["access_scope"]) for it in associations] == [
        (
            f"arn:{partition}:eks::aws:cluster-access-policy/{policy}",
            [{"namespaces": None, "type": "cluster"}],
        )
    ]


def test_an_access_entry_can_be_held_to_namespaces(plan_of: Plan) -> None:
    module = PlannedModule(plan_of("eks_karpenter"), "tuned")
    address = 'aws_eks_access_policy_association.principal["team"]'
    association = module.resource(address)
    assert association["policy_arn"].endswith("/AmazonEKSEditPolicy")
    (scope,) = association["access_scope"]
    assert (scope["type"], set(scope["namespaces"])) == ("namespace", {"sd-a", "sd-b"})


def test_nodes_that_karpenter_adds_may_join(module: PlannedModule) -> None:
    entry = module.resource("aws_eks_access_entry.karpenter_nodes")
    assert entry["type"] == "EC2_LINUX"
    assert module.references("aws_eks_access_entry.karpenter_nodes", "principal_arn") >= {
        "aws_iam_role.karpenter_nodes.arn"
    }
