"""EKS's DescribeCluster, for clusters that a test makes up."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from easel_simulators.server import Request, Response
from tests.rigs.http_server import http_server

Clusters = dict[str, dict[str, Any]]


def described(url: str, ca_pem: str, **changes: Any) -> dict[str, Any]:
    """A cluster as EKS describes it."""
    return {
        "name": "easel",
        "status": "ACTIVE",
        "endpoint": url,
        "certificateAuthority": {"data": base64.b64encode(ca_pem.encode()).decode()},
        "resourcesVpcConfig": {"endpointPublicAccess": False, "endpointPrivateAccess": True},
    } | changes


@contextmanager
def eks_stub(clusters: Clusters) -> Iterator[str]:
    """Serves it; yields the value for AWS_ENDPOINT_URL_EKS. The clusters may change meanwhile."""

    def answer(request: Request) -> Response:
        name = request.path.removeprefix("/clusters/")
        if name in clusters:
            return Response.of_json({"cluster": clusters[name]})
        kind = {"x-amzn-ErrorType": "ResourceNotFoundException"}
        return Response.of_json({"message": "none"}, 404, kind)

    with http_server(answer) as url:
        yield url
