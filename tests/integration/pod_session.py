"""AWS clients with the rights of a pod, given by EKS Pod Identity as on AWS."""

from collections.abc import Callable
from typing import Any

from easel_local.estate.pod_identity import ServiceAccount

Client = Callable[..., Any]


def pod_clients(client: Client, cluster: str, namespace: str, account: str) -> Client:
    """Clients with the rights of the pods of a service account."""
    found = ServiceAccount(cluster, namespace, account).credentials(client("eks-auth"))
    keys = {
        "aws_access_key_id": found["accessKeyId"],
        "aws_secret_access_key": found["secretAccessKey"],
        "aws_session_token": found["sessionToken"],
    }

    def of_pod(service: str) -> Any:
        return client(service, **keys)

    return of_pod
