"""Standard Webhooks signatures, by the stack's secret."""

import math
import re
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from standardwebhooks.webhooks import Webhook

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHE_SECONDS = 60
"""How long a secret is used before it is read again: a rotation is known to all by then."""

_SECRET = re.compile(
    r"whsec_(?=[A-Za-z0-9+/]{32})(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2,3}={0,2})?"
)


class SigningSecretError(Exception):
    """The signing secret cannot be had or is none; the message never holds a part of it."""


class Signer:
    """Signs with one or two secrets, so that receivers may know either of them."""

    def __init__(self, secrets: list[str]) -> None:
        """Makes a signer.

        Raises:
            SigningSecretError: a secret is not "whsec_" and base64 of at least 24 bytes.
        """
        # The library takes whatever base64 it can make of a text, however short.
        if not all(_SECRET.fullmatch(secret) for secret in secrets):
            raise SigningSecretError("the secret is not whsec_ and base64 of 24 bytes or more")
        self._webhooks = [Webhook(secret) for secret in secrets]

    def headers(self, event_id: str, body: str) -> dict[str, str]:
        """Returns the headers that sign a body as sent now.

        Args:
            event_id: of the callback, the same in every repeat.
            body: the exact text.
        """
        now = datetime.now(UTC)
        signatures = [webhook.sign(event_id, now, body) for webhook in self._webhooks]
        return {
            "webhook-id": event_id,
            "webhook-timestamp": str(math.floor(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }


class SigningSecrets:
    """The stack's secret in Secrets Manager: its current value and the one before."""

    def __init__(self, client: "SecretsManagerClient", arn: str) -> None:
        self._client = client
        self._arn = arn
        self._lock = threading.Lock()
        self._signer: Signer | None = None
        self._read_at = 0.0

    def signer(self) -> Signer:
        """Returns a signer by the secrets as they were at most a minute ago.

        Raises:
            SigningSecretError: Secrets Manager did not answer, or the value is no secret.
        """
        with self._lock:
            now = time.monotonic()
            if self._signer is None or now - self._read_at >= CACHE_SECONDS:
                self._signer = Signer(self._read())
                self._read_at = now
            return self._signer

    def _read(self) -> list[str]:
        try:
            secrets = [self._value("AWSCURRENT")]
            try:
                secrets.append(self._value("AWSPREVIOUS"))
            except self._client.exceptions.ResourceNotFoundException:
                return secrets  # it was never rotated
        except (ClientError, BotoCoreError) as error:
            raise SigningSecretError(f"the secret cannot be read: {_code(error)}") from error
        return secrets

    def _value(self, stage: str) -> str:
        answer = self._client.get_secret_value(SecretId=self._arn, VersionStage=stage)
        return answer.get("SecretString", "")


def _code(error: ClientError | BotoCoreError) -> str:
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"]
    return type(error).__name__
