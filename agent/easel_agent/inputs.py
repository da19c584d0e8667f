"""A task's content, and the files that its URLs point to (R19)."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ParamValidationError

from easel_agent.aws import aws_call
from easel_agent.errors import RejectedTaskError
from easel_agent.fetch import ByteBudget, FetchError, FetchLimits, check_media, fetch_http, shown
from easel_agent.urls import ContentUrl
from easel_contract.errors import TaskErrorCode
from easel_contract.json_text import decode_json
from easel_contract.storage import PAYLOAD_FOLDER
from easel_contract.task import TaskMessage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_CONTENT_BYTES = 6 * 1024 * 1024
"""No request of the API can be larger."""

_PARALLEL_FETCHES = 4
_CALLERS_S3_ERRORS = (
    "NoSuchKey",
    "NoSuchBucket",
    "AccessDenied",
    "404",
    "403",
    "InvalidBucketName",
)


class InputLoader:
    """Loads what a task brings along by reference."""

    def __init__(self, s3: "S3Client", bucket: str, limits: FetchLimits) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._payloads = f"s3://{bucket}/{PAYLOAD_FOLDER}/"
        self._limits = limits

    def content_of(self, task: TaskMessage) -> dict[str, Any]:
        """Returns a task's content, from the message or from where `content_ref` points.

        Raises:
            RejectedTaskError: the reference is not one of the intake's, or leads to nothing usable.
            AwsError: S3 did not answer.
        """
        if task.content_ref is None:
            return dict(task.content or {})
        # The agent's role may read more than payloads; a message must not choose among it.
        if not task.content_ref.startswith(self._payloads):
            raise _rejected(f"content_ref must lie under {self._payloads}, not {task.content_ref}")
        try:
            content = decode_json(self._read_s3(task.content_ref, MAX_CONTENT_BYTES))
        except (FetchError, ValueError) as error:
            raise _rejected(f"content_ref {task.content_ref}: {error}") from error
        if not isinstance(content, dict):
            raise _rejected(f"content_ref {task.content_ref}: is no JSON object")
        return content

    def fetch(self, urls: Iterable[ContentUrl]) -> dict[str, bytes]:
        """Fetches what URLs point to, several at once and each only once.

        Returns:
            The files, by URL.

        Raises:
            RejectedTaskError: one or more cannot be had; names each with its field and reason.
            AwsError: S3 did not answer.
        """
        fields = {item.url: item.field for item in urls}
        if not fields:
            return {}
        budget = ByteBudget(self._limits.max_total_bytes)
        fetch_one = partial(self._fetch_one, budget)
        with ThreadPoolExecutor(_PARALLEL_FETCHES, thread_name_prefix="fetch") as pool:
            outcomes = dict(zip(fields, pool.map(fetch_one, fields), strict=True))
        problems = [
            f"{fields[url]}: {shown(url)} {outcome}"
            for url, outcome in outcomes.items()
            if isinstance(outcome, FetchError)
        ]
        if problems:
            raise _rejected("; ".join(problems))
        return {url: data for url, data in outcomes.items() if isinstance(data, bytes)}

    def _fetch_one(self, budget: ByteBudget, url: str) -> bytes | FetchError:
        try:
            if url.lower().startswith("s3://"):
                data = self._read_s3(url, self._limits.max_bytes)
                budget.take(len(data))
                check_media(data)
            else:
                data = fetch_http(url, self._limits, budget)
        except FetchError as error:
            return error
        return data

    def _read_s3(self, uri: str, max_bytes: int) -> bytes:
        bucket, _, key = uri[len("s3://") :].partition("/")
        if not key:
            raise FetchError("names no object")
        with aws_call():
            try:
                answer = self._s3.get_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if error.response["Error"]["Code"] in _CALLERS_S3_ERRORS:
                    raise FetchError("is no object that this runtime may read") from error
                raise
            except ParamValidationError as error:
                raise FetchError("is no S3 URL") from error
            with answer["Body"] as body:
                size = answer["ContentLength"]
                if size > max_bytes:
                    raise FetchError(f"has {size} bytes, the limit is {max_bytes}")
                return body.read()


def _rejected(message: str) -> RejectedTaskError:
    return RejectedTaskError(TaskErrorCode.INPUT_UNAVAILABLE, message[:2000])
