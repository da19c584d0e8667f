"""What Karpenter is for, and what it must not: rows for test_estate_roles_karpenter.py.

A row is a call and whether it is allowed. Most come in pairs: on what carries the tags of this
cluster's nodes, and on what does not.
"""

from collections.abc import Callable, Sequence

from tests.integration.applied_estate import NAME
from tests.integration.estate_karpenter_calls import (
    CLUSTER_NAME,
    NODE_CLAIM,
    NODE_CLASS,
    NODE_POOL,
    REGION,
    Surroundings,
    Tags,
    cluster_tag,
    fill_profile,
    launch,
    make,
    make_template,
    pass_role,
)
from tests.integration.estate_permissions import Question

Call = Callable[[Surroundings], Question | Sequence[Question]]

OTHER = "another"
OWN = cluster_tag(NAME)


def arn(at: Surroundings, service: str, name: str) -> str:
    return f"arn:{at.partition}:{service}:{at.region}:{at.account}:{name}"


def tag(at: Surroundings, kind: str, sets: Tags, on: Tags | None = None) -> Question:
    """CreateTags on something that is there; unless said otherwise, of a node of its own."""
    return at.ask("ec2:CreateTags", at.ec2(kind), sets=sets, on=at.tags() if on is None else on)


def profile(
    at: Surroundings, do: str, sets: Tags | None = None, on: Tags | None = None
) -> Question:
    return at.ask(f"iam:{do}InstanceProfile", at.profile, sets=sets, on=on)


def parameter(at: Surroundings, name: str) -> Question:
    return at.ask("ssm:GetParameter", f"arn:{at.partition}:ssm:{at.region}::parameter/{name}")


def cluster(at: Surroundings, name: str, action: str) -> Question:
    return at.ask(action, arn(at, "eks", f"cluster/{name}"))


def zonal_shift(at: Surroundings, name: str) -> Question:
    resource = arn(at, "eks", f"cluster/{name}")
    keys = {"arc-zonal-shift:ResourceIdentifier": resource}
    return at.ask("arc-zonal-shift:GetManagedResource", "*", keys=keys)


LAUNCHES: dict[str, tuple[Call, bool]] = {
    "make a launch template": (lambda at: make_template(at, at.tags()), True),
    "make another cluster's launch template": (
        lambda at: make_template(at, at.tags(cluster=OTHER)),
        False,
    ),
    "make a launch template without tags": (lambda at: make_template(at, {}), False),
    "make a launch template of no cluster": (
        lambda at: make_template(at, at.tags({OWN: None})),
        False,
    ),
    "make a launch template of no NodePool": (
        lambda at: make_template(at, at.tags({NODE_POOL: None})),
        False,
    ),
    "make a launch template under another cluster's name": (
        lambda at: make_template(at, at.tags({CLUSTER_NAME: OTHER})),
        False,
    ),
    "start a node": (lambda at: launch(at, at.tags(), at.tags()), True),
    # So does it ask, as a dry run, whether a node class would work.
    "start a node of a NodePool without a name": (
        lambda at: launch(at, at.tags({NODE_POOL: ""}), at.tags({NODE_POOL: ""})),
        True,
    ),
    "start a node from another cluster's launch template": (
        lambda at: launch(at, at.tags(cluster=OTHER), at.tags()),
        False,
    ),
    "start a node from a shared launch template": (
        lambda at: launch(at, at.tags({OWN: "shared"}), at.tags()),
        False,
    ),
    "start a node from the system nodes' launch template": (
        lambda at: launch(at, at.tags({NODE_POOL: None}), at.tags()),
        False,
    ),
    "start a node from a launch template without tags": (
        lambda at: launch(at, {}, at.tags()),
        False,
    ),
    "start another cluster's node": (
        lambda at: launch(at, at.tags(), at.tags(cluster=OTHER)),
        False,
    ),
    "start a node under another cluster's name": (
        lambda at: launch(at, at.tags(), at.tags({CLUSTER_NAME: OTHER})),
        False,
    ),
    "start a node of no cluster": (
        lambda at: launch(at, at.tags(), at.tags({OWN: None})),
        False,
    ),
    "start a node of no NodePool": (
        lambda at: launch(at, at.tags(), at.tags({NODE_POOL: None})),
        False,
    ),
    "start an instance without tags": (
        lambda at: launch(at, at.tags(), at.tags(), {"instance": {}}),
        False,
    ),
    "start a node with a volume without tags": (
        lambda at: launch(at, at.tags(), at.tags(), {"volume": {}}),
        False,
    ),
    "make a volume by itself": (
        lambda at: make(at, "ec2:CreateVolume", "volume", at.tags()),
        False,
    ),
}

TAGS: dict[str, tuple[Call, bool]] = {
    "name its node": (
        lambda at: tag(at, "instance", {"Name": "n", NODE_CLAIM: "c", CLUSTER_NAME: NAME}),
        True,
    ),
    "name its node, which has the cluster's name": (
        lambda at: tag(at, "instance", {"Name": "n", NODE_CLAIM: "c"}),
        True,
    ),
    "name its node under another cluster's name": (
        lambda at: tag(at, "instance", {"Name": "n", CLUSTER_NAME: OTHER}),
        False,
    ),
    "give its node another NodePool": (
        lambda at: tag(at, "instance", {"Name": "n", NODE_POOL: OTHER}),
        False,
    ),
    "name another cluster's node": (
        lambda at: tag(at, "instance", {"Name": "n"}, on=at.tags(cluster=OTHER)),
        False,
    ),
    "name a system node": (
        lambda at: tag(at, "instance", {"Name": "n"}, on=at.tags({NODE_POOL: None})),
        False,
    ),
    "name its node's volume": (lambda at: tag(at, "volume", {"Name": "n"}), False),
    "make somebody's instance its own": (
        lambda at: tag(at, "instance", at.tags(), on={}),
        False,
    ),
    "make somebody's volume its own": (lambda at: tag(at, "volume", at.tags(), on={}), False),
    "tag what somebody's call makes": (
        lambda at: at.ask(
            "ec2:CreateTags",
            at.ec2("volume"),
            sets=at.tags(),
            keys={"ec2:CreateAction": "CreateVolume"},
        ),
        False,
    ),
    "take a tag away": (
        lambda at: at.ask("ec2:DeleteTags", at.ec2("instance"), on=at.tags()),
        False,
    ),
}

ENDS: dict[str, tuple[Call, bool]] = {
    f"{verb} {whose}": (
        lambda at, action=action, kind=kind, tags=tags: at.ask(action, at.ec2(kind), on=tags(at)),
        allowed,
    )
    for verb, action, kind in (
        ("end", "ec2:TerminateInstances", "instance"),
        ("delete the launch template of", "ec2:DeleteLaunchTemplate", "launch-template"),
    )
    for whose, tags, allowed in (
        ("its node", lambda at: at.tags(), True),
        ("another cluster's node", lambda at: at.tags(cluster=OTHER), False),
        # EKS puts the cluster's tag on its node groups' instances, too.
        ("a system node", lambda _: {OWN: "owned", CLUSTER_NAME: NAME}, False),
        ("a node that clusters share", lambda at: at.tags({OWN: "shared"}), False),
        ("an instance without tags", lambda _: {}, False),
    )
} | {
    "stop its node": (
        lambda at: at.ask("ec2:StopInstances", at.ec2("instance"), on=at.tags()),
        False,
    ),
    "delete its node's volume": (
        lambda at: at.ask("ec2:DeleteVolume", at.ec2("volume"), on=at.tags()),
        False,
    ),
    "change its launch template": (
        lambda at: at.ask(
            "ec2:CreateLaunchTemplateVersion", at.ec2("launch-template"), on=at.tags()
        ),
        False,
    ),
}

PROFILES: dict[str, tuple[Call, bool]] = {
    "make an instance profile": (lambda at: profile(at, "Create", sets=at.profile_tags()), True),
    "tag an instance profile": (
        lambda at: profile(at, "Tag", sets=at.profile_tags(), on=at.profile_tags()),
        True,
    ),
    "fill an instance profile": (lambda at: fill_profile(at, at.profile_tags()), True),
    "empty an instance profile": (
        lambda at: at.ask("iam:RemoveRoleFromInstanceProfile", at.profile, on=at.profile_tags()),
        True,
    ),
    "delete an instance profile": (lambda at: profile(at, "Delete", on=at.profile_tags()), True),
    "read an instance profile": (lambda at: at.ask("iam:GetInstanceProfile", at.profile), True),
    "list instance profiles": (lambda at: at.ask("iam:ListInstanceProfiles", "*"), True),
    "fill an instance profile with another role": (
        lambda at: fill_profile(at, at.profile_tags(), "administrator"),
        False,
    ),
    "give the nodes' role to EC2": (pass_role, True),
    "give the nodes' role to EC2 by its name in AWS": (
        lambda at: pass_role(at, service="ec2.amazonaws.com"),
        True,
    ),
    "give the nodes' role to EC2 by its name in China": (
        lambda at: pass_role(at, service="ec2.amazonaws.com.cn"),
        True,
    ),
    "give the nodes' role to Lambda": (
        lambda at: pass_role(at, service="lambda.amazonaws.com"),
        False,
    ),
    "give the system nodes' role to EC2": (
        lambda at: pass_role(at, f"{NAME}-{at.region}-system-nodes"),
        False,
    ),
    "give its own role to EC2": (lambda at: pass_role(at, f"{NAME}-{at.region}-karpenter"), False),
    "take over the nodes' role": (lambda at: at.ask("sts:AssumeRole", at.role()), False),
    "widen the nodes' role": (lambda at: at.ask("iam:PutRolePolicy", at.role()), False),
}
_FOREIGN_PROFILES: dict[str, Callable[[Surroundings], dict[str, str]]] = {
    "another cluster's": lambda at: at.profile_tags(cluster=OTHER),
    "another region's": lambda at: at.profile_tags({REGION: "eu-west-3"}),
    "nobody's": lambda _: {},
    "no cluster's": lambda at: at.profile_tags({OWN: None}),
    "no node class's": lambda at: at.profile_tags({NODE_CLASS: None}),
}
for _whose, _tags in _FOREIGN_PROFILES.items():
    PROFILES |= {
        f"make {_whose} instance profile": (
            lambda at, tags=_tags: profile(at, "Create", sets=tags(at)),
            False,
        ),
        f"make {_whose} instance profile its own": (
            lambda at, tags=_tags: profile(at, "Tag", sets=at.profile_tags(), on=tags(at)),
            False,
        ),
        f"make its instance profile {_whose}": (
            lambda at, tags=_tags: profile(at, "Tag", sets=tags(at), on=at.profile_tags()),
            False,
        ),
        f"fill {_whose} instance profile": (
            lambda at, tags=_tags: fill_profile(at, tags(at)),
            False,
        ),
        f"delete {_whose} instance profile": (
            lambda at, tags=_tags: profile(at, "Delete", on=tags(at)),
            False,
        ),
    }
PROFILES |= {
    f"{verb} an instance profile under another cluster's name": (
        lambda at, do=do: profile(
            at, do, sets=at.profile_tags({CLUSTER_NAME: OTHER}), on=at.profile_tags()
        ),
        False,
    )
    for verb, do in (("make", "Create"), ("tag", "Tag"))
}

DESCRIBED = (
    "CapacityReservations",
    "Images",
    "Instances",
    "InstanceStatus",
    "InstanceTypeOfferings",
    "InstanceTypes",
    "LaunchTemplates",
    "PlacementGroups",
    "SecurityGroups",
    "SpotPriceHistory",
    "Subnets",
)
READS: dict[str, tuple[Call, bool]] = (
    {
        f"look at {what}{where}": (
            lambda at, what=what, region=region: at.ask(f"ec2:Describe{what}", "*", region=region),
            allowed,
        )
        for what in DESCRIBED
        for where, region, allowed in (("", None, True), (" of another region", "eu-west-3", False))
    }
    | {
        "read AWS's newest images": (lambda at: parameter(at, "aws/service/bottlerocket/x"), True),
        "read a parameter of ours": (lambda at: parameter(at, "easel/secret"), False),
        "ask for prices": (lambda at: at.ask("pricing:GetProducts", "*"), True),
        "look at its cluster": (lambda at: cluster(at, NAME, "eks:DescribeCluster"), True),
        "look at another cluster": (lambda at: cluster(at, OTHER, "eks:DescribeCluster"), False),
        "change its cluster": (lambda at: cluster(at, NAME, "eks:UpdateClusterConfig"), False),
        "let itself into its cluster": (
            lambda at: cluster(at, NAME, "eks:CreateAccessEntry"),
            False,
        ),
        "ask for its cluster's zonal shift": (lambda at: zonal_shift(at, NAME), True),
        "ask for another cluster's zonal shift": (lambda at: zonal_shift(at, OTHER), False),
    }
    | {
        f"{do} of {whose}": (
            lambda at, do=do, queue=queue: at.ask(f"sqs:{do}", arn(at, "sqs", queue or at.queue)),
            queue is None and do not in {"SendMessage", "PurgeQueue"},
        )
        for do in ("ReceiveMessage", "DeleteMessage", "GetQueueUrl", "SendMessage", "PurgeQueue")
        for whose, queue in (("its queue", None), ("a runtime's queue", f"{NAME}-sdruntime"))
    }
)

TABLE = {**LAUNCHES, **TAGS, **ENDS, **PROFILES, **READS}
