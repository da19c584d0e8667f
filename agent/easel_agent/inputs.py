"""A task's content, and the files that its URLs point to (R19)."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ParamValidationError

from easel_agent.aws import aws_call
from easel_agent.errors import RejectedTaskError
from easel_agent.fetch import FetchBudget, FetchError, FetchLimits, check_media, fetch_http, shown
from easel_agent.picture_sizes import PixelBudget
from easel_agent.s3_refusals import (
    ACCESS_POINT,
    ANOTHERS,
    KEY_TOO_LONG,
    MAX_KEY_BYTES,
    senders_fault,
)
from easel_agent.urls import ContentUrl, is_s3
from easel_contract.errors import TaskErrorCode
from easel_contract.json_text import decode_json
from easel_contract.record import SHARED_SCOPE
from easel_contract.storage import (
    DIRECT_PAYLOAD_FOLDER,
    OWN_FOLDER,
    SCOPE_METADATA,
    payload_key,
)
from easel_contract.task import TaskMessage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_CONTENT_BYTES = 6 * 1024 * 1024
"""No request of the API can be larger."""

_PARALLEL_FETCHES = 4
_S3_URL = re.compile(r"s3://([A-Za-z0-9._-]{3,255})/(.+)", re.IGNORECASE | re.DOTALL)
_S3_ARN = re.compile(r"s3://arn:", re.IGNORECASE)


class InputLoader:
    """Loads what a task brings along by reference."""

    def __init__(self, s3: "S3Client", bucket: str, limits: FetchLimits) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._limits = limits

    def content_of(self, task: TaskMessage) -> dict[str, Any]:
        """Returns a task's content, from the message or from where `content_ref` points.

        Raises:
            RejectedTaskError: the reference is not one of the intake's, or leads to nothing usable.
            AwsError: S3 did not answer.
        """
        if task.content_ref is None:
            return dict(task.content or {})
        self._check_content_ref(task)
        try:
            bucket, key = _bucket_and_key(task.content_ref)
            content = decode_json(self._read_s3(bucket, key, MAX_CONTENT_BYTES))
        except (FetchError, ValueError) as error:
            raise _rejected(f"content_ref {task.content_ref}: {error}") from error
        if not isinstance(content, dict):
            raise _rejected(f"content_ref {task.content_ref}: is no JSON object")
        return content

    def pixels_left(self, content: dict[str, Any]) -> PixelBudget:
        """Returns the pixels that a task's content leaves to the files it points to.

        Raises:
            RejectedTaskError: the pictures in the content itself have too many.
        """
        pixels = PixelBudget(self._limits)
        try:
            pixels.take_inline(content)
        except FetchError as error:
            raise _invalid(str(error)) from error
        return pixels

    def fetch(
        self, urls: Iterable[ContentUrl], tenant: str, pixels: PixelBudget | None = None
    ) -> dict[str, bytes]:
        """Fetches what URLs point to, several at once and each only once.

        Args:
            urls: of one task, with every place where one stands.
            tenant: whose task it is; outputs of others are not to be had.
            pixels: what the task has left of them; where it has no other pictures all.

        Returns:
            The files, by URL as it stands in the content.

        Raises:
            RejectedTaskError: there are too many, or one or more cannot be had; names each with its
                field and reason.
            AwsError: S3 did not answer.
        """
        items = list(urls)
        if len(items) > self._limits.max_urls:
            raise _invalid(
                f"the content has {len(items)} URLs of files, the limit is {self._limits.max_urls}"
            )
        places = Counter(item.address for item in items)
        if not places:
            return {}
        fetch_one = partial(self._fetch_one, FetchBudget(self._limits), places, tenant)
        with ThreadPoolExecutor(_PARALLEL_FETCHES, thread_name_prefix="fetch") as pool:
            outcomes = dict(zip(places, pool.map(fetch_one, places), strict=True))
        return _all_usable(items, outcomes, pixels or PixelBudget(self._limits))

    def _fetch_one(
        self, budget: FetchBudget, places: Counter[str], tenant: str, address: str
    ) -> bytes | FetchError:
        try:
            budget.seconds_for_one()
            if is_s3(address):
                data = self._read_input(address, tenant, budget)
            else:
                data = fetch_http(address, self._limits, budget)
            # To the runtime it goes as often as it stands there.
            budget.take(len(data) * (places[address] - 1))
        except FetchError as error:
            return error
        return data

    def _check_content_ref(self, task: TaskMessage) -> None:
        """Checks that a message points to its own content.

        The agent's role may read more than payloads, and all tenants': no message chooses among it.
        """
        folder = f"s3://{self._bucket}/{DIRECT_PAYLOAD_FOLDER}/"
        if task.uid is not None and task.content_ref == (
            f"s3://{self._bucket}/{payload_key(task.uid)}"
        ):
            return
        # Of a message that was published by hand; in the dead-letter queue it gets a uid, too.
        if not (task.content_ref or "").startswith(folder):
            raise _rejected(f"content_ref must lie under {folder}, not {task.content_ref}")

    def _read_input(self, uri: str, tenant: str, budget: FetchBudget) -> bytes:
        bucket, key = _bucket_and_key(uri)
        if bucket != self._bucket:
            return self._read_s3(bucket, key, self._limits.max_bytes, budget)
        if key.startswith(OWN_FOLDER):
            raise FetchError(ANOTHERS)
        scopes = frozenset({tenant, SHARED_SCOPE})
        return self._read_s3(bucket, key, self._limits.max_bytes, budget, scopes)

    def _read_s3(
        self,
        bucket: str,
        key: str,
        max_bytes: int,
        budget: FetchBudget | None = None,
        scopes: frozenset[str] | None = None,
    ) -> bytes:
        """Reads an object.

        Args:
            bucket: its bucket.
            key: its key.
            max_bytes: that it may have.
            budget: of the task's files; None where it is none of them.
            scopes: of outputs that may be read; None asks no object for its scope.
        """
        with aws_call():
            try:
                answer = self._s3.get_object(Bucket=bucket, Key=key)
            except ClientError as error:
                status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
                reason = senders_fault(error.response["Error"]["Code"], status)
                if reason is not None:
                    raise FetchError(reason) from error
                raise
            except ParamValidationError as error:
                raise FetchError("is no S3 URL") from error
            with answer["Body"] as body:
                # What no task made has no scope, and was put there by whom the bucket belongs to.
                scope = answer["Metadata"].get(SCOPE_METADATA)
                if scopes is not None and scope is not None and scope not in scopes:
                    raise FetchError(ANOTHERS)
                size = answer["ContentLength"]
                if size > max_bytes:
                    raise FetchError(f"has {size} bytes, the limit is {max_bytes}")
                if budget is not None:
                    budget.take(size)
                return body.read()


def _all_usable(
    items: Iterable[ContentUrl], outcomes: Mapping[str, bytes | FetchError], pixels: PixelBudget
) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    problems: dict[str, str] = {}
    for item in items:
        try:
            files[item.url] = _usable(outcomes[item.address], item, pixels)
        except FetchError as error:
            # Of one that stands in many places the last is named: the message is bounded.
            problems[item.url] = f"{item.field}: {shown(item.address)} {error}"
    if problems:
        raise _rejected("; ".join(problems.values()))
    return files


def _usable(outcome: bytes | FetchError, item: ContentUrl, pixels: PixelBudget) -> bytes:
    if isinstance(outcome, FetchError):
        raise outcome
    check_media(outcome, item.filename, item.takes)
    pixels.take(outcome)
    return outcome


def _bucket_and_key(uri: str) -> tuple[str, str]:
    """Takes an S3 URL apart; the key is what stands there, letter by letter.

    Raises:
        FetchError: it names no object. Nothing was sent: S3's client looks for the endpoint of an
            access point in its own time.
    """
    if _S3_ARN.match(uri):
        raise FetchError(ACCESS_POINT)
    parts = _S3_URL.fullmatch(uri)
    if parts is None:
        raise FetchError("names no object; an S3 URL is s3://bucket/key")
    try:
        key_bytes = len(parts[2].encode())
    except UnicodeEncodeError as error:  # half of a surrogate pair
        raise FetchError("is no S3 URL") from error
    if key_bytes > MAX_KEY_BYTES:
        raise FetchError(KEY_TOO_LONG)
    return parts[1], parts[2]


def _invalid(message: str) -> RejectedTaskError:
    return RejectedTaskError(TaskErrorCode.INVALID_TASK, message[:2000])


def _rejected(message: str) -> RejectedTaskError:
    return RejectedTaskError(TaskErrorCode.INPUT_UNAVAILABLE, message[:2000])
