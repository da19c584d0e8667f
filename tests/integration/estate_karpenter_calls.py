"""What Karpenter 1.14 asks of AWS, as questions to IAM.

Tags, templates and fleets are those of its providers `launchtemplate`, `instance` and
`instanceprofile` and of its controllers `nodeclaim.tagging` and `nodeclass`; which resources and
keys belong to an action is said by the service authorization reference. What tags as it makes asks
for `ec2:CreateTags` as well, with the name of the call in `ec2:CreateAction`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.integration.applied_estate import NAME, NAMESPACE, AppliedEstate
from tests.integration.estate_permissions import Question

Tags = Mapping[str, str]
Change = Mapping[str, str | None]

NODE_POOL = "karpenter.sh/nodepool"
NODE_CLASS = "karpenter.k8s.aws/ec2nodeclass"
CLUSTER_NAME = "eks:eks-cluster-name"
REGION = "topology.kubernetes.io/region"
NODE_CLAIM = "karpenter.sh/nodeclaim"

FOUND = ("image", "snapshot", "security-group", "subnet", "capacity-reservation", "placement-group")
MADE = {
    "ec2:CreateFleet": ("fleet", "instance", "network-interface", "volume"),
    "ec2:RunInstances": ("instance", "network-interface", "spot-instances-request", "volume"),
}
"""What a launch refers to, and what it makes."""

_WITHOUT_ACCOUNT = {"image", "snapshot"}


def cluster_tag(cluster: str) -> str:
    """The tag's name that says whose something is."""
    return f"kubernetes.io/cluster/{cluster}"


@dataclass(frozen=True)
class Surroundings:
    """Where Karpenter works, and what the applied runtimes tell it to make."""

    partition: str
    region: str
    account: str
    node_role: str
    node_pool: str
    node_class: str
    class_tags: Tags
    queue: str

    @classmethod
    def of(cls, estate: AppliedEstate) -> "Surroundings":
        """Those of an applied environment."""
        name = f"{NAMESPACE}-sdruntime"
        group = "apis/karpenter.k8s.aws/v1/ec2nodeclasses"
        node_class = estate.kubernetes(f"{group}/{name}")["spec"]
        pools = estate.kubernetes("apis/karpenter.sh/v1/nodepools")["items"]
        pool = next(
            one["metadata"]["name"]
            for one in pools
            if one["spec"]["template"]["spec"]["nodeClassRef"]["name"] == name
        )
        return cls(
            estate.partition,
            estate.region,
            estate.client("sts").get_caller_identity()["Account"],
            node_class["role"],
            pool,
            name,
            node_class["tags"],
            estate.values["interruption_queue_name"],
        )

    @property
    def ec2_service(self) -> str:
        """EC2's name as a principal."""
        return "ec2.amazonaws.com.cn" if self.partition == "aws-cn" else "ec2.amazonaws.com"

    def ec2(self, kind: str, region: str | None = None) -> str:
        """The ARN of something of EC2."""
        account = "" if kind in _WITHOUT_ACCOUNT else self.account
        return f"arn:{self.partition}:ec2:{region or self.region}:{account}:{kind}/x-0123456789"

    def role(self, name: str | None = None) -> str:
        """The ARN of a role; of the nodes' role without a name."""
        return f"arn:{self.partition}:iam::{self.account}:role/{name or self.node_role}"

    @property
    def profile(self) -> str:
        """The ARN of an instance profile that Karpenter makes for a node class."""
        path = f"karpenter/{self.region}/{NAME}/8c9f6a0b-uid/{NAME}_1234567890"
        return f"arn:{self.partition}:iam::{self.account}:instance-profile/{path}"

    def tags(self, change: Change | None = None, cluster: str = NAME) -> dict[str, str]:
        """What Karpenter of a cluster puts on all that a launch makes.

        Args:
            change: other values of tags; with None a tag is left out.
            cluster: whose it is.
        """
        tags = self._tags_of(cluster) | {NODE_POOL: self.node_pool}
        return _changed(tags, change)

    def profile_tags(self, change: Change | None = None, cluster: str = NAME) -> dict[str, str]:
        """As ``tags``, on an instance profile."""
        return _changed(self._tags_of(cluster) | {REGION: self.region}, change)

    def _tags_of(self, cluster: str) -> dict[str, str]:
        return {
            **self.class_tags,
            cluster_tag(cluster): "owned",
            CLUSTER_NAME: cluster,
            NODE_CLASS: self.node_class,
        }

    def ask(
        self,
        action: str,
        resource: str,
        sets: Tags | None = None,
        on: Tags | None = None,
        region: str | None = None,
        keys: Tags | None = None,
    ) -> Question:
        """A question with the keys that every request has.

        Args:
            action: what is to be done.
            resource: to what.
            sets: tags that the request names.
            on: tags that the resource has.
            region: where the request goes to; None: to this region.
            keys: further condition keys.
        """
        found: dict[str, str | list[str]] = {"aws:RequestedRegion": region or self.region}
        found |= {f"aws:RequestTag/{name}": value for name, value in (sets or {}).items()}
        found |= {f"aws:ResourceTag/{name}": value for name, value in (on or {}).items()}
        found |= keys or {}
        if sets:
            found["aws:TagKeys"] = list(sets)
        return Question(action, resource, found)


def make(at: Surroundings, action: str, kind: str, tags: Tags) -> list[Question]:
    """Makes one thing with tags, or without any."""
    arn = at.ec2(kind)
    questions = [at.ask(action, arn, sets=tags)]
    if tags:
        created = action.partition(":")[2]
        questions.append(
            at.ask("ec2:CreateTags", arn, sets=tags, keys={"ec2:CreateAction": created})
        )
    return questions


def make_template(at: Surroundings, tags: Tags) -> list[Question]:
    """CreateLaunchTemplate."""
    return make(at, "ec2:CreateLaunchTemplate", "launch-template", tags)


def launch(
    at: Surroundings, template: Tags, tags: Tags, other: Mapping[str, Tags] | None = None
) -> list[Question]:
    """CreateFleet of the type instant, which runs its instances with the caller's rights.

    Args:
        at: where.
        template: the tags of the launch template.
        tags: those of all that is made, but
        other: of these kinds, which have others.
    """
    questions = []
    for action, kinds in MADE.items():
        questions += [at.ask(action, at.ec2(kind)) for kind in FOUND]
        questions.append(at.ask(action, at.ec2("launch-template"), on=template))
        for kind in kinds:
            questions += make(at, action, kind, (other or {}).get(kind, tags))
    return [*questions, pass_role(at)]


def pass_role(at: Surroundings, role: str | None = None, service: str | None = None) -> Question:
    """Gives a role, else the nodes', to a service, else to EC2."""
    to = service or at.ec2_service
    return at.ask("iam:PassRole", at.role(role), keys={"iam:PassedToService": to})


def fill_profile(at: Surroundings, on: Tags, role: str | None = None) -> list[Question]:
    """AddRoleToInstanceProfile."""
    return [at.ask("iam:AddRoleToInstanceProfile", at.profile, on=on), pass_role(at, role)]


def _changed(tags: Tags, change: Change | None) -> dict[str, str]:
    changed = {**tags, **(change or {})}
    return {name: value for name, value in changed.items() if value is not None}
