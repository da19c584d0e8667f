"""Why a check could not be made, in a person's words."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.exceptions import ConnectionError as AwsConnectionError

from easel_deploy.cluster.errors import ClusterError
from easel_deploy.environments.root_module import TerraformError
from easel_mirror.errors import MirrorError
from easel_models.errors import ModelsError
from easel_snapshot.errors import SnapshotError

_MEANT_FOR_PEOPLE = (ClusterError, MirrorError, ModelsError, SnapshotError, TerraformError)

_REFUSED = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "UnauthorizedOperation",
    "403",
}
_NOT_KNOWN = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "AuthFailure",
    "SignatureDoesNotMatch",
    "RequestExpired",
}

SIGN_IN = "aws sso login, or export AWS_PROFILE=... ; then `aws sts get-caller-identity`"
"""What helps where AWS does not know the caller."""


def excuse(error: Exception) -> tuple[str, str]:
    """Says why something could not be found out.

    Args:
        error: that the check has ended with.

    Returns:
        what is wrong, and what to do.
    """
    if isinstance(error, _MEANT_FOR_PEOPLE):
        return str(error), "Mend that, and run `easel doctor` again."
    if isinstance(error, ClientError):
        return _refusal(error)
    if isinstance(
        error,
        NoCredentialsError
        | PartialCredentialsError
        | TokenRetrievalError
        | UnauthorizedSSOTokenError,
    ):
        return f"there are no usable AWS credentials: {error}", SIGN_IN
    if isinstance(error, AwsConnectionError | HTTPClientError):
        return (
            f"AWS does not answer: {error}",
            "Look at the network, a proxy and the region's name.",
        )
    if isinstance(error, BotoCoreError):
        return f"AWS cannot be asked: {error}", SIGN_IN
    return (
        f"the check itself failed: {type(error).__name__}: {error}",
        "This is a fault of easel: report it with this line.",
    )


def is_refused(error: ClientError) -> bool:
    """Returns whether AWS knows the caller, who lacks a right."""
    return error.response["Error"]["Code"] in _REFUSED


def _refusal(error: ClientError) -> tuple[str, str]:
    code, operation = error.response["Error"]["Code"], error.operation_name
    if code in _REFUSED:
        return (
            f"these credentials may not call {operation}",
            f"Give them that right (reading alone), or look at it by hand: {code}.",
        )
    if code in _NOT_KNOWN:
        return f"AWS does not take these credentials ({code} at {operation})", SIGN_IN
    return (
        f"{operation} was refused: {error}",
        "Run `easel doctor` again; AWS may be having a fault.",
    )
