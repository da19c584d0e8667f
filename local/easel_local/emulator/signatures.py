"""Checks the signature of every request, as AWS does and ministack does for some keys only.

Signature Version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
Signature Version 2 of S3, which boto3 presigns URLs with by default:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import hmac
import re
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from botocore.auth import HmacV1Auth
from botocore.credentials import Credentials
from ministack.core.iam_evaluator import CredentialResolutionError, resolve_credential
from ministack.core.sigv4 import (
    HeaderSignature,
    header_signature_failure,
    parse_header_signature,
    parse_query_signature,
    request_time_failure,
)

_HEADER_ALGORITHM = "AWS4-HMAC-SHA256 "
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SKEW_SECONDS = 900
_LONGEST_PRESIGNED_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused: AWS's code, and a message for a person."""

    code: str
    message: str


@dataclass(frozen=True)
class SignedHead:
    """A request but for its body.

    Attributes:
        method: such as POST.
        raw_path: as sent, without the query.
        query: values by name.
        headers: by their names in lower case.
    """

    method: str
    raw_path: str
    query: dict[str, list[str]]
    headers: dict[str, str]

    @functools.cached_property
    def is_signed(self) -> bool:
        """Whether it carries any signature, good or not."""
        names = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "AWSAccessKeyId")
        found = {name.lower() for name in self.query}
        return "authorization" in self.headers or any(name.lower() in found for name in names)

    def value(self, name: str) -> str:
        """The only value of a query's field; empty where it has none or more than one."""
        values = self.query.get(name, [])
        return values[0] if len(values) == 1 else ""


def needs_body(head: SignedHead) -> bool:
    """Whether the signature cannot be checked by the head alone.

    S3 signs a digest of the body and checks it when it has the body.
    """
    digest = head.headers.get("x-amz-content-sha256", "")
    return head.is_signed and (not digest or "/s3/" not in head.headers.get("authorization", ""))


def signature_refusal(head: SignedHead, body: bytes) -> Refusal | None:
    """Says why a signature is not good; None where it is.

    Args:
        head: of a signed request.
        body: where ``needs_body`` says so.
    """
    if head.headers.get("authorization", "").startswith(_HEADER_ALGORITHM):
        if "X-Amz-Signature" in head.query or "AWSAccessKeyId" in head.query:
            return Refusal("InvalidArgument", "Only one signature is allowed in a request.")
        return _header_refusal(head, body)
    if "authorization" in head.headers:
        return _unsupported()
    if head.value("X-Amz-Algorithm") == _HEADER_ALGORITHM.strip():
        return _presigned_refusal(head, body)
    if head.value("AWSAccessKeyId"):
        return _version_2_refusal(head)
    return _unsupported()


def _unsupported() -> Refusal:
    return Refusal("AccessDenied", "Only signatures of the form AWS4-HMAC-SHA256 are taken.")


def _header_refusal(head: SignedHead, body: bytes) -> Refusal | None:
    signature = parse_header_signature(head.headers)
    if isinstance(signature, tuple):
        return Refusal(*signature)
    if _time_of(signature.amz_date) is None:
        return Refusal("IncompleteSignature", "The time of the signature cannot be read.")
    if (late := request_time_failure(signature)) is not None:
        return Refusal(*late)
    digest = head.headers.get("x-amz-content-sha256", "")
    if needs_body(head) and _SHA256.fullmatch(digest):
        found = hashlib.sha256(body).hexdigest()
        if not hmac.compare_digest(found, digest):
            return Refusal("SignatureDoesNotMatch", "The body is not the one that was signed.")
    token = head.headers.get("x-amz-security-token", "")
    return _signature_refusal(head, signature, token, body, presigned=False)


def _presigned_refusal(head: SignedHead, body: bytes) -> Refusal | None:
    signature = parse_query_signature(head.query)
    if isinstance(signature, tuple):
        return Refusal(*signature)
    signed, expires = _time_of(signature.amz_date), head.value("X-Amz-Expires")
    if signed is None or not (expires.isascii() and expires.isdigit()):
        return Refusal("AuthorizationQueryParametersError", "The URL has no time or no end.")
    seconds = int(expires[:7])
    if not 0 < seconds <= _LONGEST_PRESIGNED_SECONDS:
        return Refusal("AuthorizationQueryParametersError", "X-Amz-Expires is 1 to 604800.")
    age = (datetime.datetime.now(datetime.UTC) - signed).total_seconds()
    if age < -_SKEW_SECONDS:
        return Refusal("AccessDenied", "Request is not yet valid")
    if age > seconds:
        return Refusal("AccessDenied", "Request has expired")
    token = head.value("X-Amz-Security-Token")
    return _signature_refusal(head, signature, token, body, presigned=True)


def _signature_refusal(
    head: SignedHead, signature: HeaderSignature, token: str, body: bytes, *, presigned: bool
) -> Refusal | None:
    if "host" not in signature.signed_headers.split(";"):
        return Refusal("SignatureDoesNotMatch", "The header Host is not signed.")
    credential = resolve_credential(signature.access_key_id, None, token)
    if not signature.access_key_id or isinstance(credential, CredentialResolutionError):
        return _unknown_key(credential)
    failure = header_signature_failure(
        signature,
        credential.secret_access_key,
        head.method,
        head.raw_path,
        head.query,
        head.headers,
        body,
        presigned=presigned,
    )
    return None if failure is None else Refusal(*failure)


def _version_2_refusal(head: SignedHead) -> Refusal | None:
    """Signature Version 2 of a presigned URL, whose end is in the URL."""
    expires = head.value("Expires")
    if not (expires.isascii() and expires.isdigit()):
        return Refusal("AccessDenied", "The URL has no end.")
    left = int(expires[:12]) - datetime.datetime.now(datetime.UTC).timestamp()
    if not 0 < left <= _LONGEST_PRESIGNED_SECONDS:
        return Refusal("AccessDenied", "Request has expired")
    token = head.value("x-amz-security-token")
    key = head.value("AWSAccessKeyId")
    credential = resolve_credential(key, None, token)
    if isinstance(credential, CredentialResolutionError):
        return _unknown_key(credential)
    signer = _Version2(Credentials(key, credential.secret_access_key, token or None), expires)
    pairs = [(name, value) for name, values in head.query.items() for value in values]
    url = urlsplit(f"http://host{head.raw_path}?{urlencode(pairs)}")
    expected = signer.get_signature(head.method, url, head.headers)
    if hmac.compare_digest(expected.encode(), head.value("Signature").encode()):
        return None
    return Refusal("SignatureDoesNotMatch", "The signature of the URL does not match.")


class _Version2(HmacV1Auth):
    """Signs for the time that the URL names, not for now."""

    def __init__(self, credentials: Credentials, expires: str) -> None:
        super().__init__(credentials)
        self._expires = expires

    def _get_date(self) -> str:
        return self._expires


def _unknown_key(error: object) -> Refusal:
    if isinstance(error, CredentialResolutionError):
        return Refusal(error.code, error.message)
    return Refusal(
        "UnrecognizedClientException", "The security token included in the request is invalid."
    )


def _time_of(text: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(text, "%Y%m%dT%H%M%S%z")
    except ValueError:
        return None
