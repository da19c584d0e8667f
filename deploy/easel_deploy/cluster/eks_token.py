"""`easel-deploy eks token`: proves to an EKS cluster who is calling, without the aws command.

The token is the URL of a signed STS call, which the cluster's API server makes to learn who signed
it: https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster
"""

import argparse
import base64
import datetime
import json
import sys

import boto3
from botocore.exceptions import UnknownRegionError
from botocore.model import ServiceId
from botocore.signers import RequestSigner

from easel_deploy.cluster.errors import ClusterError

CLUSTER_HEADER = "x-k8s-aws-id"
PREFIX = "k8s-aws-v1."

_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}
_SIGNED_SECONDS = 60
_VALID_SECONDS = 14 * 60
"""EKS takes a token for 15 minutes after it was signed, whatever its URL says."""


def token(session: boto3.Session, cluster_name: str, region: str) -> str:
    """Makes a bearer token for a cluster's API server.

    Args:
        session: with the credentials to sign with.
        cluster_name: the only cluster that takes it.
        region: of the cluster.

    Raises:
        ClusterError: the session has no credentials.
    """
    credentials = session.get_credentials()
    if credentials is None:
        raise ClusterError(
            "There are no AWS credentials to sign in to the cluster with: set AWS_PROFILE, or "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    signer = RequestSigner(
        # Not from a client: to make one takes a sixth of the command's time.
        ServiceId("STS"),
        region,
        "sts",
        "v4",
        credentials,
        session.events,
    )
    signed = signer.generate_presigned_url(
        _request(session, cluster_name, region),
        region_name=region,
        expires_in=_SIGNED_SECONDS,
        operation_name="",
    )
    return PREFIX + base64.urlsafe_b64encode(signed.encode()).decode().rstrip("=")


def _request(session: boto3.Session, cluster_name: str, region: str) -> dict[str, object]:
    # Written out, not a client's endpoint: the cluster takes no other host than AWS's own of the
    # region, whatever AWS_ENDPOINT_URL or a legacy setting says.
    url = f"https://sts.{region}.{_dns_suffix(session, region)}/"
    url += "?Action=GetCallerIdentity&Version=2011-06-15"
    return {
        "method": "GET",
        "url": url,
        "body": {},
        "headers": {CLUSTER_HEADER: cluster_name},
        "context": {},
    }


def exec_credential(bearer_token: str) -> str:
    """Returns what a kubeconfig's exec plugin prints.

    https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
    """
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=_VALID_SECONDS)
    return json.dumps(
        {
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "spec": {},
            "status": {
                "expirationTimestamp": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "token": bearer_token,
            },
        }
    )


def print_token(arguments: argparse.Namespace) -> int:
    """Carries out `easel-deploy eks token`.

    Raises:
        ClusterError: there are no credentials.
    """
    bearer_token = token(boto3.Session(), arguments.cluster, arguments.region)
    sys.stdout.write(exec_credential(bearer_token) + "\n")
    return 0


def _dns_suffix(session: boto3.Session, region: str) -> str:
    try:
        partition = session.get_partition_for_region(region)
    except UnknownRegionError as error:
        raise ClusterError(f"{region} is no region that boto3 knows.") from error
    return _SUFFIXES.get(partition, "amazonaws.com")
