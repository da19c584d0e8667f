"""S3's refusals where the sender's URL is at fault, in words for the sender.

A code that is not here is ours or passing: a missing right on our side, a clock, S3 itself. Source
of the codes: Amazon S3 API Reference, "Error responses" and `GetObject`; those that begin with
`KMS.` are AWS KMS's, handed through.
"""

MAX_KEY_BYTES = 1024
"""Of a key in UTF-8 (S3 User Guide, "Naming Amazon S3 objects")."""

KEY_TOO_LONG = f"has a key of more than {MAX_KEY_BYTES} bytes"
ACCESS_POINT = (
    "names an access point that this runtime cannot use; name the object by its bucket: "
    "s3://bucket/key"
)
_NOT_READABLE = "is no object that this runtime may read"
ANOTHERS = f"{_NOT_READABLE} (AccessDenied)"
"""Of another tenant's object: S3 says so of one that is not there, too."""
_OTHER_REGION = "lies in another region; copy it to a bucket in the region of this runtime"
_ARCHIVED = "is archived; restore it, or change its storage class, and send the task again"
_NO_URL = "is no S3 URL"
_CUSTOMERS_KEY = (
    "was stored with a key that S3 does not keep (SSE-C); store it without, or with a KMS key"
)
_NO_KMS_KEY = (
    "cannot be decrypted, as its KMS key is disabled, deleted or not open to this runtime; enable "
    "the key or store the object with another"
)

_REASONS = {
    "NoSuchKey": _NOT_READABLE,
    "NoSuchBucket": _NOT_READABLE,
    "NoSuchVersion": _NOT_READABLE,
    "AccessDenied": _NOT_READABLE,
    "AllAccessDisabled": _NOT_READABLE,
    "MethodNotAllowed": _NOT_READABLE,
    "404": _NOT_READABLE,
    "403": _NOT_READABLE,
    "InvalidBucketName": _NOT_READABLE,
    "KeyTooLongError": KEY_TOO_LONG,
    "InvalidObjectState": _ARCHIVED,
    "PermanentRedirect": _OTHER_REGION,
    "301": _OTHER_REGION,
    "AuthorizationHeaderMalformed": _OTHER_REGION,
    "IllegalLocationConstraintException": _OTHER_REGION,
    "NoSuchAccessPoint": ACCESS_POINT,
    "InvalidAccessPoint": ACCESS_POINT,
    "InvalidAccessPointAliasError": ACCESS_POINT,
    "NoSuchMultiRegionAccessPoint": ACCESS_POINT,
    "InvalidRequest": _CUSTOMERS_KEY,
    "InvalidURI": _NO_URL,
    "InvalidArgument": _NO_URL,
}


def senders_fault(code: str, status: int) -> str | None:
    """Returns the fault of a URL as the end of a sentence; None where the URL is not at fault.

    Args:
        code: S3's.
        status: of the HTTP answer.
    """
    reason = _REASONS.get(code)
    # KMS.ThrottlingException is a 400, too, and passes.
    is_refusal = 400 <= status < 500 and "throttl" not in code.lower()  # noqa: PLR2004
    if code.startswith("KMS.") and is_refusal:
        reason = _NO_KMS_KEY
    return None if reason is None else f"{reason} ({code})"
