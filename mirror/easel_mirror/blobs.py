"""Copies one blob: fetched once, sent while it still comes, into every repository that lacks it."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from easel_mirror.errors import MirrorError, PassingError, RefusedError, StoppedError
from easel_mirror.manifest import Descriptor
from easel_mirror.registry import Registry
from easel_mirror.retries import Patience, patiently
from easel_mirror.spool import Spool, SpoolFile, check_stop
from easel_mirror.transport import blocks

Say = Callable[[str], None]


@dataclass(frozen=True)
class Origin:
    """Where a blob is got from."""

    registry: Registry
    repository: str


@dataclass
class BlobJob:
    """One blob to copy.

    Attributes:
        blob: its digest and size.
        origin: where it is; None: `content` is all of it.
        content: a blob that is made here, such as a chart's of an HTTP repository.
        lacking: the target's repositories that are to have it.
        having: a repository of the target that has it already.
    """

    blob: Descriptor
    origin: Origin | None = None
    content: bytes = b""
    lacking: set[str] = field(default_factory=set)
    having: str | None = None


class BlobCopier:
    """Copies blobs into one registry; may be used by several threads at once."""

    def __init__(
        self, target: Registry, spool: Spool, patience: Patience, stop: threading.Event, say: Say
    ) -> None:
        """Says how; nothing is copied yet.

        Args:
            target: the registry.
            spool: where blobs lie meanwhile.
            patience: how often the network is tried.
            stop: is set when all is to end.
            say: is told of what is tried again.
        """
        self._target = target
        self._spool = spool
        self._patience = patience
        self._stop = stop
        self._say = say

    def copy(self, job: BlobJob, moved: Callable[[int], None]) -> None:
        """Copies a blob.

        Args:
            job: which.
            moved: is told how many bytes have come so far, those of an earlier run among them.

        Raises:
            MirrorError: it cannot be had, or cannot be stored.
        """
        left = sorted(job.lacking)
        if job.having is not None:
            left = [one for one in left if not self._mount(job, one, job.having)]
        if not left:
            return
        file = self._spool.file(job.blob)
        file.open()
        try:
            self._fetch_and_send(job, file, left, moved)
        except MirrorError:
            file.close()
            raise
        file.remove()

    def _mount(self, job: BlobJob, repository: str, source: str) -> bool:
        def act() -> bool:
            check_stop(self._stop)
            return self._target.begin_upload(repository, job.blob.digest, source) is None

        # A registry that refuses to mount takes an upload.
        with contextlib.suppress(RefusedError):
            return patiently(self._patience, act, self._say)
        return False

    def _fetch_and_send(
        self, job: BlobJob, file: SpoolFile, left: list[str], moved: Callable[[int], None]
    ) -> None:
        aborted = threading.Event()
        fetching = threading.Thread(target=self._fetch, args=(job, file, moved, aborted))
        fetching.start()
        try:
            self._send(file, left[0])
            for repository in left[1:]:
                if not self._mount(job, repository, left[0]):
                    self._send(file, repository)
        except BaseException:
            aborted.set()
            raise
        finally:
            fetching.join()

    # -- from the source -----------------------------------------------------------------------

    def _fetch(
        self,
        job: BlobJob,
        file: SpoolFile,
        moved: Callable[[int], None],
        aborted: threading.Event,
    ) -> None:
        def act() -> None:
            if job.origin is None:
                file.restart()
                file.write(job.content)
            elif file.written < job.blob.size:
                self._fetch_rest(job.origin, file, moved, aborted)
            moved(file.written)
            file.verify()

        try:
            moved(file.written)
            patiently(self._patience, act, self._say, lambda: file.written)
        except MirrorError as error:
            file.fail(error)
        except Exception as error:
            file.fail(RefusedError(f"{job.blob.digest}: {type(error).__name__}"))
            raise

    def _fetch_rest(
        self,
        origin: Origin,
        file: SpoolFile,
        moved: Callable[[int], None],
        aborted: threading.Event,
    ) -> None:
        check_stop(self._stop)
        response, offset = origin.registry.open_blob(
            origin.repository, file.blob.digest, file.written
        )
        with response:
            if offset != file.written:
                file.restart()
            for block in blocks(response, f"{origin.registry.host}/{origin.repository}"):
                check_stop(self._stop)
                if aborted.is_set():
                    raise StoppedError("the other side has failed")
                file.write(block)
                moved(file.written)

    # -- to the target -------------------------------------------------------------------------

    def _send(self, file: SpoolFile, repository: str) -> None:
        upload = _Upload(self._target, repository, file)

        def act() -> None:
            check_stop(self._stop)
            upload.attempt()

        patiently(self._patience, act, self._say, lambda: upload.offset)


class _Upload:
    """One blob into one repository; goes on where an attempt broke off, if the registry can."""

    def __init__(self, target: Registry, repository: str, file: SpoolFile) -> None:
        self._target = target
        self._repository = repository
        self._file = file
        self._location: str | None = None
        self._generation = -1
        self._tried = False
        self.offset = 0

    def attempt(self) -> None:
        blob = self._file.blob
        # The answer to the end of an upload may have been lost.
        if self._tried and self._target.has_blob(self._repository, blob.digest):
            return
        self._tried = True
        location = self._resumed() or self._target.begin_upload(self._repository)
        if location is None:
            raise RefusedError(f"{self._target.host}/{self._repository}: begins no upload")
        self._location, self._generation = location, self._file.generation
        if self.offset < blob.size:
            location = self._target.send_blob(
                self._repository,
                location,
                lambda: self._file.body(self.offset),
                (blob.size, self.offset),
            )
        self._file.wait()
        self._target.finish_upload(self._repository, location, blob.digest)

    def _resumed(self) -> str | None:
        location, self._location, self.offset = self._location, None, 0
        # What was sent before the source began anew may be other bytes.
        if location is None or self._generation != self._file.generation:
            return None
        try:
            there = self._target.sent_bytes(self._repository, location)
        except (RefusedError, PassingError):
            return None
        if not 0 < there <= self._file.blob.size:
            return None
        self.offset = there
        return location
