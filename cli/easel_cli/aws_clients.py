"""AWS clients for a target: the real AWS, or the emulator of a local stack."""

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.credentials import Credentials, SharedCredentialProvider
from botocore.exceptions import NoCredentialsError

from easel_cli.target import Target

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 4}
)


class AwsClients:
    """One client per service that a user of a stack needs."""

    def __init__(self, target: Target) -> None:
        """Makes the clients; nothing is called yet.

        Raises:
            botocore.exceptions.NoCredentialsError: the emulator's key is gone, as the emulator is.
        """
        self._session = session = _session_of(target)
        self._endpoint = endpoint = target.aws_endpoint_url
        self.apigateway: APIGatewayClient = session.client(
            "apigateway", endpoint_url=endpoint, config=_CONFIG
        )
        self.dynamodb: DynamoDBClient = session.client(
            "dynamodb", endpoint_url=endpoint, config=_CONFIG
        )
        self.s3: S3Client = session.client("s3", endpoint_url=endpoint, config=_CONFIG)
        self.sns: SNSClient = session.client("sns", endpoint_url=endpoint, config=_CONFIG)
        self.sqs: SQSClient = session.client("sqs", endpoint_url=endpoint, config=_CONFIG)

    def cloudwatch(self) -> Any:
        """A client of CloudWatch: made only where it is asked for, as few commands are."""
        return self._session.client("cloudwatch", endpoint_url=self._endpoint, config=_CONFIG)

    def xray(self) -> Any:
        """A client of X-Ray, for the one verb that reads traces; there is none on the emulator."""
        # One for whose name the stubs of the development environment have no type.
        name: Any = "xray"
        return self._session.client(name, config=_CONFIG)

    def credentials(self) -> Credentials:
        """The credentials that these clients use, to sign with.

        Raises:
            botocore.exceptions.NoCredentialsError: there are none.
        """
        credentials = self._session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        return credentials

    def api_key(self, api_key_id: str) -> str:
        """Reads the value of an API key.

        Raises:
            botocore.exceptions.ClientError: there is none, or these credentials may not read it.
        """
        return self.apigateway.get_api_key(apiKey=api_key_id, includeValue=True)["value"]


def _session_of(target: Target) -> boto3.Session:
    if target.aws_endpoint_url is None:
        return boto3.Session(region_name=target.region)
    # The emulator has a key of its own; a person's must not travel to it.
    file = target.aws_credentials_file
    key = SharedCredentialProvider(str(file)).load() if file else None
    if key is None:
        raise NoCredentialsError
    return boto3.Session(
        region_name=target.region,
        aws_access_key_id=key.access_key,
        aws_secret_access_key=key.secret_key,
    )
