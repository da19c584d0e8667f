"""A task's content as the runtime gets it."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from easel_agent.errors import RejectedTaskError
from easel_contract.errors import TaskErrorCode
from easel_contract.json_text import decode_json
from easel_contract.storage import PAYLOAD_FOLDER
from easel_contract.task import TaskMessage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_CONTENT_BYTES = 6 * 1024 * 1024
"""No request of the API can be larger."""


class InputLoader:
    """Loads content that travels by reference."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._payloads = f"s3://{bucket}/{PAYLOAD_FOLDER}/"
        self._bucket = bucket

    def content_of(self, task: TaskMessage) -> dict[str, Any]:
        """Returns a task's content, from the message or from where `content_ref` points.

        Raises:
            RejectedTaskError: the reference is not one of the intake's, or leads to nothing usable.
            botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: S3 did not answer.
        """
        if task.content_ref is None:
            return dict(task.content or {})
        # The agent's role may read more than payloads; a message must not choose among it.
        if not task.content_ref.startswith(self._payloads):
            raise _unusable(task.content_ref, f"must lie under {self._payloads}")
        return self._load(task.content_ref)

    def _load(self, uri: str) -> dict[str, Any]:
        key = uri.removeprefix(f"s3://{self._bucket}/")
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "AccessDenied"):
                raise _unusable(uri, "there is no such object") from error
            raise
        data = answer["Body"].read(MAX_CONTENT_BYTES + 1)
        if len(data) > MAX_CONTENT_BYTES:
            raise _unusable(uri, f"has more than {MAX_CONTENT_BYTES} bytes")
        try:
            content = decode_json(data)
        except ValueError as error:
            raise _unusable(uri, f"is not JSON: {error}") from error
        if not isinstance(content, dict):
            raise _unusable(uri, "is no JSON object")
        return content


def _unusable(uri: str, reason: str) -> RejectedTaskError:
    return RejectedTaskError(TaskErrorCode.INPUT_UNAVAILABLE, f"content_ref {uri}: {reason}")
