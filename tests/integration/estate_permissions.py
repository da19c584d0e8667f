"""What a role may do, decided from the policies that are attached to it in an applied environment.

The emulator asks a policy about most calls to EC2 and IAM without the resource that they are for,
so nothing that depends on a resource's tags is ever allowed there. Here the same documents are
asked as AWS asks them: a call is one question or several, each with its resource and its condition
keys (those of the service authorization reference). ministack's evaluation answers them;
test_estate_roles_simulated.py holds it to the cases of IAM's documentation, and what these do not
cover is refused here, so that nothing counts as allowed or refused by a misreading.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ministack.core import iam_evaluator

from tests.integration.applied_estate import NAME, AppliedEstate

Document = dict[str, Any]

KNOWN_ELEMENTS = frozenset({"Sid", "Effect", "Action", "Resource", "Condition"})
KNOWN_OPERATORS = frozenset(
    {
        "Bool",
        "ForAllValues:StringEquals",
        "ForAllValues:StringLike",
        "StringEquals",
        "StringEqualsIfExists",
        "StringLike",
    }
)


class UnknownPolicyError(Exception):
    """A policy says something that is not evaluated here."""


@dataclass(frozen=True)
class Question:
    """What IAM is asked: may this be done to this, under these circumstances.

    Attributes:
        action: such as `ec2:RunInstances`.
        resource: an ARN; `*` for an action that has no resource.
        keys: condition keys of the request, by their names; what is left out is not in the request.
    """

    action: str
    resource: str
    keys: Mapping[str, str | list[str]] = field(default_factory=dict)


class Permissions:
    """What some policies allow together."""

    def __init__(self, documents: Iterable[Document]) -> None:
        """Reads them.

        Raises:
            UnknownPolicyError: one has an element, operator or variable that is not known here.
        """
        self.documents = list(documents)
        for document in self.documents:
            for statement in document["Statement"]:
                _refuse_unknown(statement)
        self._policies = [iam_evaluator.parse_policy_document(one) for one in self.documents]

    @classmethod
    def of_role(cls, iam: Any, name: str) -> "Permissions":
        """All that is attached to a role, inline and managed."""
        role = iam.get_role(RoleName=name)["Role"]
        if "PermissionsBoundary" in role:
            raise UnknownPolicyError(f"{name} has a permissions boundary")
        documents = [
            iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
        ]
        for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            kept = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
            documents.append(kept["Document"])
        return cls(documents)

    def allow(self, question: Question) -> bool:
        """Whether the answer is yes."""
        keys = {name.lower(): value for name, value in question.keys.items()}
        context = iam_evaluator.EvalContext(
            principal_arn="",
            principal_type="AssumedRole",
            principal_account="",
            action=question.action,
            resource_arn=question.resource,
            region=keys.get("aws:requestedregion", ""),
            service_context=keys,
        )
        return bool(iam_evaluator.evaluate(context, self._policies).decision == "Allow")

    def name(self, action: str) -> bool:
        """Whether the action is allowed on anything, under any circumstances."""
        return any(
            iam_evaluator.fnmatch_iam(action, pattern)
            for statements in self._policies
            for statement in statements
            for pattern in statement.actions
        )

    def allow_all(self, questions: Iterable[Question]) -> bool:
        """Whether a call may be made: AWS refuses it for one no."""
        return all(self.allow(question) for question in questions)


def role_of_pods(estate: AppliedEstate, namespace: str, service_account: str) -> str:
    """The name of the role that a service account's pods have."""
    eks = estate.client("eks")
    (association,) = eks.list_pod_identity_associations(
        clusterName=NAME, namespace=namespace, serviceAccount=service_account
    )["associations"]
    described = eks.describe_pod_identity_association(
        clusterName=NAME, associationId=association["associationId"]
    )["association"]
    return str(described["roleArn"]).rpartition("/")[2]


def _refuse_unknown(statement: Document) -> None:
    unknown = statement.keys() - KNOWN_ELEMENTS
    unknown |= statement.get("Condition", {}).keys() - KNOWN_OPERATORS
    if unknown:
        raise UnknownPolicyError(f"not evaluated here: {', '.join(sorted(unknown))}")
    if "${" in str(statement):
        raise UnknownPolicyError(f"a policy variable is not evaluated here: {statement}")
