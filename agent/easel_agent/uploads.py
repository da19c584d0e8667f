"""Uploads a task's pictures and the runtime's answer, several at once."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial

from easel_agent.errors import RejectedTaskError
from easel_agent.outputs import TaskOutputs
from easel_agent.runtimes.base import Generation, MadeFile
from easel_contract.errors import TaskErrorCode

_WORKERS = 8
_AHEAD = 3
"""Pictures of a task that are held in memory at once: they are large."""
_MAX_URLS_BYTES = 200 * 1024
"""SNS takes 256 KiB: the callback, with its context and attributes."""

UntilDone = Callable[[Callable[[], str]], str]
"""Calls a function again while AWS does not answer."""


@dataclass(frozen=True)
class StoredOutputs:
    """What lies in the bucket.

    Attributes:
        picture_urls: S3 URIs, in the runtime's order.
        answer_url: S3 URI of the runtime's full answer; None where there is none.
    """

    picture_urls: list[str] = field(default_factory=list)
    answer_url: str | None = None


class Uploads:
    """The threads that write to S3, shared by all deliveries."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="upload")

    def close(self) -> None:
        """Ends the threads when their uploads are done."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def store(
        self,
        outputs: TaskOutputs,
        until_done: UntilDone,
        generation: Generation,
    ) -> StoredOutputs:
        """Stores what a task's run brought.

        Args:
            outputs: of the task.
            until_done: how a call of AWS is tried again.
            generation: what the runtime answered and made.

        Raises:
            RejectedTaskError: the list of the outputs does not fit into a callback.
            AwsError: S3 did not take something until the task's ceiling.
            Exception: as the generation's files.
        """
        answer_upload = self._pool.submit(
            until_done, partial(outputs.store_answer, generation.answer)
        )
        files = generation.files
        del generation  # the answer may hold all files once more
        try:
            urls = self._store_files(outputs, until_done, files)
            answer_url = answer_upload.result()
        finally:
            wait([answer_upload])
        if sum(len(url) + 3 for url in urls) > _MAX_URLS_BYTES:
            # SNS would refuse the callback at every try, and nobody would hear of the task.
            raise RejectedTaskError(
                TaskErrorCode.RUNTIME_FAILED,
                f"the list of {len(urls)} outputs does not fit into a callback; "
                f"they lie beside {answer_url}",
            )
        return StoredOutputs(urls, answer_url)

    def _store_files(
        self, outputs: TaskOutputs, until_done: UntilDone, files: Iterator[MadeFile]
    ) -> list[str]:
        urls: list[str] = []
        uploads: deque[Future[str]] = deque()
        try:
            for number, file in enumerate(files, start=1):
                if len(uploads) >= _AHEAD:
                    urls.append(uploads.popleft().result())
                store = partial(outputs.store_file, number, file)
                uploads.append(self._pool.submit(until_done, store))
            return urls + [upload.result() for upload in uploads]
        finally:
            # An upload that outlived its delivery would hold memory that nobody counts.
            wait(uploads)
