"""EKS's DescribeCluster, for clusters that a test makes up."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

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

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            name = self.path.removeprefix("/clusters/")
            found = name in clusters
            body: dict[str, Any] = {"cluster": clusters[name]} if found else {"message": "none"}
            text = json.dumps(body).encode()
            self.send_response(200 if found else 404)
            if not found:
                self.send_header("x-amzn-ErrorType", "ResourceNotFoundException")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
