"""Links to outputs that hold for a while and need no credentials.

A browser opens a link on the bucket's origin, and S3 cannot send `X-Content-Type-Options`. So the
link itself says how the object is answered, whatever type is stored with it: pictures, videos and
sounds are shown as what their key's extension says, everything else is a download.

A link dies with the credentials that signed it, and a function cannot tell how long its own live.
So links are signed with a role that the function assumes, whose credentials say when they expire.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from easel_contract.tasks_api import MAX_PRESIGN_SECONDS, StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient

_SESSION_NAME = "easel-reader"
_LEEWAY = timedelta(minutes=2)
"""By how much a link may hold shorter than asked for; its answer says how long it does."""
# By itself botocore signs for S3's global name even where it knows the region. That name answers
# with a redirect while a bucket is new, to a host that the signature does not fit.
_SIGNING = Config(
    signature_version="s3v4",
    s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
)


_SHOWN = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "bmp": "image/bmp",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
}
"""Extension of the key -> content type. A browser decodes these and runs nothing in them; what is
none of them in spite of its name shows as broken."""


def _answered_as(key: str) -> dict[str, str]:
    """Returns how S3 is to answer a link: its parameters that override headers.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    shown = _SHOWN.get(key.rpartition(".")[2])
    if shown is not None:
        return {"ResponseContentType": shown, "ResponseContentDisposition": "inline"}
    return {"ResponseContentDisposition": "attachment"}


@dataclass(frozen=True)
class _Session:
    s3: "S3Client"
    expires_at: datetime


class Presigner:
    """Signs links to objects of one bucket."""

    def __init__(
        self,
        sts: "STSClient",
        role_arn: str,
        bucket: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sts = sts
        self._role_arn = role_arn
        self._prefix = f"s3://{bucket}/"
        self._bucket = bucket
        self._now = now
        self._session: _Session | None = None

    def signed(self, uri: str, seconds: int) -> StoredObject:
        """Returns an object with a link.

        Args:
            uri: of the object; one outside the bucket gets no link.
            seconds: how long the link is to hold, at most an hour.

        Raises:
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: the role could not
                be assumed.
        """
        if not uri.startswith(self._prefix):
            return StoredObject(uri=uri)
        key = uri.removeprefix(self._prefix)
        session = self._session_for(seconds)
        now = self._now()
        until = min(now + timedelta(seconds=seconds), session.expires_at)
        url = session.s3.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": key, **_answered_as(key)},
            # Rounded up: the signature's own time has no fraction of a second.
            ExpiresIn=max(1, math.ceil((until - now).total_seconds())),
        )
        return StoredObject(uri=uri, url=url, url_expires_at=until.replace(microsecond=0))

    def _session_for(self, seconds: int) -> _Session:
        # Not quite as long: else no two links of the longest life would have one session.
        needed_until = self._now() + timedelta(seconds=seconds) - _LEEWAY
        if self._session is None or self._session.expires_at < needed_until:
            self._session = self._assume()
        return self._session

    def _assume(self) -> _Session:
        answer = self._sts.assume_role(
            RoleArn=self._role_arn,
            RoleSessionName=_SESSION_NAME,
            DurationSeconds=MAX_PRESIGN_SECONDS,
        )["Credentials"]
        s3 = boto3.client(
            "s3",
            aws_access_key_id=answer["AccessKeyId"],
            aws_secret_access_key=answer["SecretAccessKey"],
            aws_session_token=answer["SessionToken"],
            config=_SIGNING,
        )
        return _Session(s3, answer["Expiration"])
