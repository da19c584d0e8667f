"""Carries out what a survey has found: blobs side by side, then manifests, then tags."""

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol

from easel_mirror.blobs import BlobCopier, BlobJob, Origin
from easel_mirror.errors import MirrorError, RefusedError
from easel_mirror.registry import Registries, Registry
from easel_mirror.retries import Patience, patiently
from easel_mirror.spool import Spool, check_stop
from easel_mirror.survey import Found

_POLL_SECONDS = 0.5


class Display(Protocol):
    """Shows how far the blobs are."""

    def begin(self, digest: str, name: str, size: int) -> None:
        """A blob begins: its digest, whose it is, its size in bytes."""

    def moved(self, digest: str, bytes_so_far: int) -> None:
        """So many bytes of it are here."""

    def end(self, digest: str) -> None:
        """It is where it belongs, or has failed."""

    def say(self, text: str) -> None:
        """Shows a line."""


class Copying:
    """One run."""

    def __init__(
        self,
        *,
        target: Registry,
        sources: Registries,
        spool: Spool,
        patience: Patience,
        stop: threading.Event,
        display: Display,
    ) -> None:
        """Says from where, to where and how; nothing is copied yet."""
        self._target = target
        self._sources = sources
        self._patience = patience
        self._stop = stop
        self._display = display
        self._spool = spool
        self._copier = BlobCopier(target, spool, patience, stop, display.say)

    def run(self, found: list[Found], parallel: int) -> dict[str, str]:
        """Copies all that can be; what fails holds up no other image.

        Args:
            found: what there is to copy; entries with a problem, and those that are there, are
                left alone.
            parallel: how many blobs move at once.

        Returns:
            Why an entry was not copied, by its name; empty: all were.

        Raises:
            RefusedError: the disk is too small for that many blobs at once.
        """
        due = [one for one in found if one.problem is None and not one.is_there]
        jobs, names = self._jobs(due)
        self._check_disk(jobs, parallel)
        failed = self._copy_blobs(jobs, names, parallel)
        problems: dict[str, str] = {}
        for one in due:
            reasons = {failed[digest] for digest in one.blobs if digest in failed}
            try:
                if not reasons:
                    self._put_manifests(one)
            except MirrorError as error:
                reasons = {str(error)}
            if reasons:
                problems[one.wanted.name] = "; ".join(sorted(reasons))
        return problems

    def _jobs(self, due: list[Found]) -> tuple[dict[str, BlobJob], dict[str, str]]:
        jobs: dict[str, BlobJob] = {}
        names: dict[str, str] = {}
        for one in due:
            source = one.wanted.source
            origin = Origin(self._sources.of(source.host), source.repository) if source else None
            for digest, blob in one.blobs.items():
                job = jobs.setdefault(digest, BlobJob(blob, origin, one.contents.get(digest, b"")))
                names.setdefault(digest, one.wanted.name)
                if digest in one.missing:
                    job.lacking.add(one.wanted.copied_to)
                else:
                    job.having = one.wanted.copied_to
        return {digest: job for digest, job in jobs.items() if job.lacking}, names

    def _check_disk(self, jobs: dict[str, BlobJob], parallel: int) -> None:
        left = (job.blob.size - self._spool.kept_bytes(job.blob) for job in jobs.values())
        needed = sum(sorted(left, reverse=True)[:parallel])
        if needed > (free := self._spool.free_bytes()):
            raise RefusedError(
                f"the disk has {free:,} bytes left, and {needed:,} may be needed at once: "
                "name another folder by --spool, or fewer blobs at once by --parallel"
            )

    def _copy_blobs(
        self, jobs: dict[str, BlobJob], names: dict[str, str], parallel: int
    ) -> dict[str, str]:
        # The longest first: they decide when the last one ends.
        order = sorted(jobs, key=lambda digest: jobs[digest].blob.size, reverse=True)
        failed: dict[str, str] = {}
        with ThreadPoolExecutor(parallel) as pool:
            running: dict[Future[None], str] = {
                pool.submit(self._copy_blob, jobs[digest], names[digest]): digest
                for digest in order
            }
            try:
                while running:
                    # Short waits: a signal is seen between them.
                    done, _ = wait(running, _POLL_SECONDS, FIRST_COMPLETED)
                    for future in done:
                        digest = running.pop(future)
                        if (error := future.exception()) is not None:
                            failed[digest] = _message(error)
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return failed

    def _copy_blob(self, job: BlobJob, name: str) -> None:
        check_stop(self._stop)
        digest = job.blob.digest
        self._display.begin(digest, name, job.blob.size)
        try:
            self._copier.copy(job, lambda so_far: self._display.moved(digest, so_far))
        finally:
            self._display.end(digest)

    def _put_manifests(self, one: Found) -> None:
        repository, root = one.wanted.copied_to, one.root
        assert root is not None  # noqa: S101 - entries with a problem were left out
        for manifest in one.manifests:
            # Only the root gets the tag: a tag of an immutable repository is written once.
            at = (one.wanted.tag or root.digest) if manifest is root else manifest.digest
            self._try(
                lambda at=at, manifest=manifest: self._target.put_manifest(  # type: ignore[misc]
                    repository, at, manifest
                )
            )

    def _try(self, act: Callable[[], None]) -> None:
        def unless_stopped() -> None:
            check_stop(self._stop)
            act()

        patiently(self._patience, unless_stopped, self._display.say)


def _message(error: BaseException) -> str:
    if isinstance(error, MirrorError):
        return str(error)
    raise error
