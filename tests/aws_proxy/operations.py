"""Which operation of which service an AWS request asks for.

The service is in the credential scope of Signature Version 4
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). The
operation is where each protocol has it: AWS JSON in the header ``X-Amz-Target``, AWS Query in the
form field ``Action``, S3 in the method, path and query.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from tests.aws_proxy.messages import RequestHead

UNKNOWN = "unknown"

_SCOPE = re.compile(r"Credential=[^/,]+/\d{8}/[^/,]+/([a-z0-9-]+)/aws4_request")
_QUERY_SCOPE = re.compile(r"[^/]+/\d{8}/[^/]+/([a-z0-9-]+)/aws4_request")
_FORM = "application/x-www-form-urlencoded"
_OBJECT_OPERATIONS = {
    "PUT": "PutObject",
    "GET": "GetObject",
    "HEAD": "HeadObject",
    "DELETE": "DeleteObject",
    "POST": "PostObject",
}
_BUCKET_OPERATIONS = {
    "PUT": "CreateBucket",
    "GET": "ListObjects",
    "HEAD": "HeadBucket",
    "DELETE": "DeleteBucket",
    "POST": "DeleteObjects",
}
_MULTIPART_OPERATIONS = {
    "POST": "CompleteMultipartUpload",
    "PUT": "UploadPart",
    "GET": "ListParts",
    "DELETE": "AbortMultipartUpload",
}


@dataclass(frozen=True)
class Operation:
    """One operation, such as ``sqs.ReceiveMessage``.

    Attributes:
        service: as in the credential scope: ``sqs``, ``sns``, ``s3``.
        name: as in the service's API reference.
        path: of the request; for S3 bucket and key.
    """

    service: str
    name: str
    path: str

    def __str__(self) -> str:
        return f"{self.service}.{self.name}"


def names_its_operation_in_the_body(head: RequestHead) -> bool:
    """Whether the body must be read to know the operation (AWS Query)."""
    return head.headers.get("content-type", "").startswith(_FORM)


def operation_of(head: RequestHead, body: bytes = b"") -> Operation:
    """Reads the operation of a request.

    Args:
        head: of the request.
        body: where ``names_its_operation_in_the_body``, else ignored.
    """
    url = urlsplit(head.target)
    query = parse_qs(url.query, keep_blank_values=True)
    service = _service_of(head, query)
    target = head.headers.get("x-amz-target", "")
    if target:
        name = target.rpartition(".")[2]
    elif names_its_operation_in_the_body(head):
        fields = parse_qs(body.decode("utf-8", "replace"))
        name = fields.get("Action", [UNKNOWN])[0]
    elif service == "s3":
        name = _s3_operation(head.method, url.path, query)
    else:
        name = query.get("Action", [UNKNOWN])[0]
    return Operation(service, name, url.path)


def _service_of(head: RequestHead, query: dict[str, list[str]]) -> str:
    found = _SCOPE.search(head.headers.get("authorization", ""))
    if found is None:
        found = _QUERY_SCOPE.fullmatch(query.get("X-Amz-Credential", [""])[0])
    return found[1] if found else UNKNOWN


def _s3_operation(method: str, path: str, query: dict[str, list[str]]) -> str:
    has_key = "/" in path.strip("/")
    if "uploads" in query and method == "POST":
        return "CreateMultipartUpload"
    if "uploadId" in query:
        return _MULTIPART_OPERATIONS.get(method, UNKNOWN)
    operations = _OBJECT_OPERATIONS if has_key else _BUCKET_OPERATIONS
    return operations.get(method, UNKNOWN)
