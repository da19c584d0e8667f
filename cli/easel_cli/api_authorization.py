"""How a request to a stack's API proves who sends it: by a key or by a signature."""

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from requests import PreparedRequest
from requests.auth import AuthBase

from easel_cli.aws_clients import AwsClients
from easel_cli.target import Authorization, Target

_SERVICE = "execute-api"


class ApiKey(AuthBase):
    """Sends an API key with each request."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Adds the header."""
        request.headers["x-api-key"] = self._value
        return request


class Signature(AuthBase):
    """Signs each request with AWS Signature Version 4."""

    def __init__(self, credentials: Credentials, region: str) -> None:
        self._credentials = credentials
        self._region = region

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Adds the signature, its date, and the session token of temporary credentials."""
        # Only what no one on the way changes is signed: host, date, content type and body.
        content_type = request.headers.get("Content-Type")
        signed = AWSRequest(
            method=request.method,
            url=request.url,
            data=request.body,
            headers={"Content-Type": content_type} if content_type else {},
        )
        # Frozen for each request: credentials that are about to expire are renewed by it.
        SigV4Auth(self._credentials.get_frozen_credentials(), _SERVICE, self._region).add_auth(
            signed
        )
        request.headers.update(signed.headers.items())
        return request


def authorization_of(target: Target, clients: AwsClients, api_key: str | None = None) -> AuthBase:
    """The authorization that a stack asks for.

    Args:
        target: the stack.
        clients: to read the API key with, or to sign with their credentials.
        api_key: the API key, where it is known already.

    Raises:
        botocore.exceptions.ClientError: there is no such key, or these credentials may not read it.
        botocore.exceptions.NoCredentialsError: there is nothing to sign with.
    """
    if target.authorization is Authorization.AWS_IAM:
        return Signature(clients.credentials(), target.region)
    return ApiKey(api_key or clients.api_key(target.known_api_key_id))
