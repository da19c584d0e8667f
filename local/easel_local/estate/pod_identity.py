"""The credentials of a pod, as EKS Pod Identity gives them: the rights of its role and no other.

`python -m easel_local.estate.pod_identity` is a `credential_process`, which an SDK asks again
before the credentials expire:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
"""

import argparse
import base64
import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from easel_local.credentials import StackCredentials


@dataclass(frozen=True)
class ServiceAccount:
    """Who a pod is for AWS.

    Attributes:
        cluster: name of the EKS cluster.
        namespace: of the pod.
        name: of the service account.
    """

    cluster: str
    namespace: str
    name: str

    def token(self) -> str:
        """A token as Kubernetes projects it into a pod, but for its signature."""

        def encoded(part: dict[str, str]) -> str:
            return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

        claims = {"sub": f"system:serviceaccount:{self.namespace}:{self.name}"}
        return f"{encoded({'alg': 'none'})}.{encoded(claims)}.unsigned"

    def credentials(self, eks_auth: Any) -> dict[str, Any]:
        """Asks for the pod's credentials.

        Args:
            eks_auth: client of EKS Auth, with the rights of a node.

        Returns:
            `accessKeyId`, `secretAccessKey`, `sessionToken`, `expiration`.

        Raises:
            botocore.exceptions.ClientError: the account has no role, or the role does not trust it.
        """
        answer = eks_auth.assume_role_for_pod_identity(clusterName=self.cluster, token=self.token())
        credentials: dict[str, Any] = answer["credentials"]
        return credentials


def write_aws_config(
    file: Path, account: ServiceAccount, endpoint_url: str, region: str, credentials: Path
) -> None:
    """Writes a file for AWS_CONFIG_FILE, by which a program has a service account's rights.

    Args:
        file: to write.
        account: whose rights.
        endpoint_url: of the emulator.
        region: of the stack.
        credentials: file of the emulator's own access key.
    """
    program = [sys.executable, "-m", "easel_local.estate.pod_identity"]
    options = [endpoint_url, region, credentials, account.cluster, account.namespace, account.name]
    command = shlex.join([*program, *map(str, options)])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"[default]\nregion = {region}\ncredential_process = {command}\n")


def main() -> int:
    """Prints a service account's credentials in the form of a `credential_process`."""
    parser = argparse.ArgumentParser(prog="easel_local.estate.pod_identity", description=__doc__)
    for name in ("endpoint_url", "region", "credentials", "cluster", "namespace", "account"):
        parser.add_argument(name)
    given = parser.parse_args()
    connect: Any = boto3.client
    keys = StackCredentials.read(Path(given.credentials)).keywords()
    client = connect("eks-auth", endpoint_url=given.endpoint_url, region_name=given.region, **keys)
    found = ServiceAccount(given.cluster, given.namespace, given.account).credentials(client)
    answer = {
        "Version": 1,
        "AccessKeyId": found["accessKeyId"],
        "SecretAccessKey": found["secretAccessKey"],
        "SessionToken": found["sessionToken"],
        "Expiration": found["expiration"].isoformat(),
    }
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
