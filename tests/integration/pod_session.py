"""AWS clients with the rights of a pod, given by EKS Pod Identity as on AWS."""

import base64
import json
from collections.abc import Callable
from typing import Any

Client = Callable[..., Any]


def service_account_token(namespace: str, account: str) -> str:
    """A token as Kubernetes projects it into a pod, but for its signature."""

    def encoded(part: dict[str, str]) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

    claims = {"sub": f"system:serviceaccount:{namespace}:{account}"}
    return f"{encoded({'alg': 'none'})}.{encoded(claims)}.unsigned"


def pod_environment(client: Client, cluster: str, namespace: str, account: str) -> dict[str, str]:
    """The pod's credentials, as an SDK reads them from the environment."""
    credentials = client("eks-auth").assume_role_for_pod_identity(
        clusterName=cluster, token=service_account_token(namespace, account)
    )["credentials"]
    return {
        "AWS_ACCESS_KEY_ID": credentials["accessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["secretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["sessionToken"],
    }


def pod_clients(client: Client, cluster: str, namespace: str, account: str) -> Client:
    """Clients with the rights of the pods of a service account."""
    environment = pod_environment(client, cluster, namespace, account)
    keys = {name.lower(): value for name, value in environment.items()}

    def of_pod(service: str) -> Any:
        return client(service, **keys)

    return of_pod
