"""`easel-deploy webhook secret`: makes the secret that callbacks are signed with.

The value goes to Secrets Manager and nowhere else: no argument, no output, no plan, no state.
"""

import argparse
import base64
import os
import secrets
import sys
import uuid
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, Field, ValidationError

from easel_deploy.exit_status import ExitStatus
from easel_deploy.request_variables import WEBHOOK_VARIABLE

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_SECRET_BYTES = 32
"""Standard Webhooks asks for 24 to 64 random bytes."""
_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 5}
)


class _Request(BaseModel):
    secret_arn: str = Field(min_length=1)
    region: str = Field(min_length=1)
    version: int = Field(ge=1)


def webhook_secret(_: argparse.Namespace) -> int:
    """Carries out the command.

    Returns:
        0 the version is there, 1 AWS did not take it, 2 wrong request.
    """
    try:
        request = _Request.model_validate_json(os.environ.get(WEBHOOK_VARIABLE, ""))
    except ValidationError as error:
        problems = f"{error.error_count()} problem(s)"
        sys.stderr.write(f"easel: {WEBHOOK_VARIABLE} is no request: {problems}\n")
        return ExitStatus.USAGE
    client = boto3.client("secretsmanager", region_name=request.region, config=_CONFIG)
    try:
        put_version(client, request.secret_arn, request.version)
    except (ClientError, BotoCoreError) as error:
        sys.stderr.write(f"easel: the webhooks' secret was not written: {error}\n")
        return ExitStatus.FAILED
    return 0


def put_version(client: "SecretsManagerClient", secret_arn: str, version: int) -> None:
    """Writes a fresh value as a version of the secret, once.

    The version before stays valid as AWSPREVIOUS.

    Args:
        client: of the secret's region.
        secret_arn: of the secret.
        version: its number; one that is there already is left as it is.

    Raises:
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: the value could not be
            written.
    """
    value = base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    token = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{secret_arn}#{version}"))
    try:
        client.put_secret_value(
            SecretId=secret_arn, SecretString=f"whsec_{value}", ClientRequestToken=token
        )
    except ClientError as error:
        # Another value under the same token: an apply that broke off after this step.
        if error.response["Error"]["Code"] != "ResourceExistsException":
            raise
