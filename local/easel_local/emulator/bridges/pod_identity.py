"""EKS Pod Identity: the role of a pod, given for its service account's token."""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.core.iam_evaluator import EvalContext, evaluate_trust_policy
from ministack.core.responses import get_account_id, get_region
from ministack.services import eks, iam, sts

from easel_local.emulator.bridges.bridge import Bridge, Response

_Handle = Callable[..., Response]
_Record = dict[str, Any]

_PATH = re.compile(r"/clusters/([A-Za-z0-9_-]+)/assume-role-for-pod-identity")
_PRINCIPAL = "pods.eks.amazonaws.com"
_SUBJECT = re.compile(r"system:serviceaccount:([a-z0-9-]+):([a-z0-9.-]+)")
_SESSION_SECONDS = 6 * 3600


class _RefusedError(Exception):
    """Its arguments are the status, the error's name and its message."""


def role_for_pod_identity(handle_request: _Handle) -> _Handle:
    """AssumeRoleForPodIdentity gives the role that a pod's service account is associated with.

    ministack has no such operation. As on AWS the role's trust policy is asked for sts:AssumeRole
    and sts:TagSession, with the cluster as the source and the tags of the pod. The token's
    signature is not checked: no cluster here could have made it.
    """

    def bridged(method: str, path: str, headers: Any, body: bytes, query: Any) -> Response:
        match = _PATH.fullmatch(path)
        if method != "POST" or not match:
            return handle_request(method, path, headers, body, query)
        try:
            content = _assumed(match[1], json.loads(body)["token"])
        except _RefusedError as refused:
            status, name, message = refused.args
            return (
                status,
                {"Content-Type": "application/json", "x-amzn-ErrorType": name},
                json.dumps({"__type": name, "message": message}).encode(),
            )
        return 200, {"Content-Type": "application/json"}, json.dumps(content).encode()

    return bridged


def signed_for_eks_auth(detect_service: Callable[..., str]) -> Callable[..., str]:
    """Requests that are signed for EKS Auth are EKS's; ministack knows no such service."""

    def bridged(method: str, path: str, headers: dict[str, str], query: Any) -> str:
        if "/eks-auth/aws4_request" in headers.get("authorization", ""):
            return "eks"
        return detect_service(method, path, headers, query)

    return bridged


def _assumed(cluster_name: str, token: str) -> _Record:
    cluster = eks._clusters.get(cluster_name)  # noqa: SLF001
    if cluster is None:
        raise _RefusedError(404, "ResourceNotFoundException", f"No cluster {cluster_name}.")
    namespace, account = _subject(token)
    association = _association(cluster_name, namespace, account)
    role = iam._roles.get(association["roleArn"].rpartition("/")[2])  # noqa: SLF001
    tags = {
        "eks-cluster-arn": cluster["arn"],
        "eks-cluster-name": cluster_name,
        "kubernetes-namespace": namespace,
        "kubernetes-service-account": account,
    }
    if role is None or not _trusted(role, cluster["arn"], tags):
        raise _RefusedError(
            400, "InvalidRequestException", f"{association['roleArn']} does not trust these pods"
        )
    session_name = f"eks-{cluster_name}-{account}-{secrets.token_hex(4)}"
    return {
        "subject": {"namespace": namespace, "serviceAccount": account},
        "audience": _PRINCIPAL,
        "podIdentityAssociation": {
            name: association[name] for name in ("associationArn", "associationId")
        },
        **_session(role, session_name[:64]),
    }


def _subject(token: str) -> tuple[str, str]:
    try:
        encoded = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
        match = _SUBJECT.fullmatch(claims["sub"])
    except (IndexError, KeyError, TypeError, ValueError):
        match = None
    if match is None:
        raise _RefusedError(400, "InvalidTokenException", "no token of a service account")
    return match[1], match[2]


def _association(cluster_name: str, namespace: str, account: str) -> _Record:
    for association in eks._pod_identity_associations.values():  # noqa: SLF001
        wanted = (cluster_name, namespace, account)
        if tuple(association[n] for n in ("clusterName", "namespace", "serviceAccount")) == wanted:
            found: _Record = association
            return found
    raise _RefusedError(
        404, "ResourceNotFoundException", f"no association for {namespace}/{account}"
    )


def _trusted(role: _Record, cluster_arn: str, tags: dict[str, str]) -> bool:
    policy = role["AssumeRolePolicyDocument"]
    policy = json.loads(policy) if isinstance(policy, str) else policy
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else []
    # ministack takes its own root for every service.
    for_pods = [one for one in statements if _names_pods(one.get("Principal", {}))]
    caller = f"arn:aws:iam::{get_account_id()}:root"
    return all(
        evaluate_trust_policy(
            {"Statement": for_pods},
            caller,
            EvalContext(
                principal_arn=caller,
                principal_type="Service",
                principal_account=get_account_id(),
                action=action,
                resource_arn=role["Arn"],
                region=get_region(),
                request_tags=tags,
                tag_keys=list(tags),
                service_context={
                    "aws:sourcearn": cluster_arn,
                    "aws:sourceaccount": get_account_id(),
                },
            ),
        )
        for action in ("sts:AssumeRole", "sts:TagSession")
    )


def _names_pods(principal: Any) -> bool:
    services = principal.get("Service", []) if isinstance(principal, dict) else []
    return _PRINCIPAL in ([services] if isinstance(services, str) else services)


def _session(role: _Record, name: str) -> _Record:
    key, secret, token = (
        f"ASIA{secrets.token_hex(8).upper()}",
        secrets.token_urlsafe(30),
        secrets.token_urlsafe(60),
    )
    arn = f"arn:aws:sts::{get_account_id()}:assumed-role/{role['RoleName']}/{name}"
    identity = f"{role['RoleId']}:{name}"
    expires = int(time.time()) + _SESSION_SECONDS
    sts.register_session(
        key,
        {
            "Arn": arn,
            "UserId": identity,
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": expires,
        },
    )
    return {
        "assumedRoleUser": {"arn": arn, "assumeRoleId": identity},
        "credentials": {
            "accessKeyId": key,
            "secretAccessKey": secret,
            "sessionToken": token,
            "expiration": expires,
        },
    }


BRIDGES = (
    Bridge(eks, "_handle_request_sync", role_for_pod_identity),
    Bridge(app, "detect_service", signed_for_eks_auth),
)
