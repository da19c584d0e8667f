"""Looks what there is to copy, and what the target has of it already. Nothing is changed."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from easel_mirror.chart_repository import CONFIG_TYPE, blob_of, fetch_chart
from easel_mirror.errors import MirrorError, RefusedError
from easel_mirror.manifest import Descriptor, Manifest, platform_of
from easel_mirror.reference import Reference
from easel_mirror.registry import Registries, Registry
from easel_mirror.retries import Patience, patiently
from easel_mirror.spool import check_stop
from easel_mirror.transport import Transport, bounded_json
from easel_mirror.wanted import OwnImage, Wanted

_Result = TypeVar("_Result")
Say = Callable[[str], None]

_QUESTIONS_AT_ONCE = 4
"""Of one entry: a registry may be far away, and an image has dozens of blobs."""
_MAX_DEPTH = 2
"""An index may name indexes, which name images."""


@dataclass
class Found:
    """What there is of one entry.

    Attributes:
        wanted: the entry.
        root: its manifest or index, as it will be stored; None: there is a problem.
        manifests: all below it, those in front that others name.
        blobs: of all of them.
        contents: blobs that are made here, by digest.
        missing: those of the blobs that the target's repository lacks.
        is_there: whether the target has the root already, under its tag.
        problem: why it cannot be copied; None: it can.
    """

    wanted: Wanted
    root: Manifest | None = None
    manifests: list[Manifest] = field(default_factory=list)
    blobs: dict[str, Descriptor] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    is_there: bool = False
    problem: str | None = None

    @property
    def total_bytes(self) -> int:
        """Of all blobs."""
        return sum(blob.size for blob in self.blobs.values())

    @property
    def missing_bytes(self) -> int:
        """Of those that the target lacks."""
        return sum(self.blobs[digest].size for digest in self.missing)


@dataclass(frozen=True)
class OwnFound:
    """Whether an image of one's own is in the target registry."""

    image: OwnImage
    digest: str | None = None
    problem: str | None = None


class Surveyor:
    """Asks sources and target."""

    def __init__(
        self,
        target: Registry,
        sources: Registries,
        patience: Patience,
        stop: threading.Event,
        say: Say,
    ) -> None:
        """Says whom to ask; nobody is asked yet."""
        self._target = target
        self._sources = sources
        self._patience = patience
        self._stop = stop
        self._say = say

    def look(
        self, wanted: tuple[Wanted, ...], platforms: frozenset[str], parallel: int
    ) -> list[Found]:
        """Looks at every entry; one that fails says so and holds up no other.

        Args:
            wanted: the entries.
            platforms: that are copied of images; empty: all.
            parallel: how many are asked for at once.
        """
        with ThreadPoolExecutor(parallel) as pool:
            return list(pool.map(lambda one: self._look(one, platforms), wanted))

    def look_at_own(self, image: OwnImage) -> OwnFound:
        """Looks whether an image of one's own is there, for the right platform."""
        try:
            digest = self._try(lambda: self._target.manifest_digest(image.repository, image.wanted))
            if digest is None:
                return OwnFound(image)
            source = Reference(self._target.host, image.repository, digest=digest)
            root = self._try(lambda: self._target.manifest(image.repository, digest))
            self._check_platform(root, source, image.platform, self._target)
        except MirrorError as error:
            return OwnFound(image, problem=str(error))
        return OwnFound(image, digest)

    def _look(self, wanted: Wanted, platforms: frozenset[str]) -> Found:
        found = Found(wanted)
        try:
            if wanted.source is None:
                self._look_at_chart(found)
            else:
                self._look_at_source(found, wanted.source, platforms)
            self._look_at_target(found)
        except MirrorError as error:
            found.problem = str(error)
        return found

    def _look_at_chart(self, found: Found) -> None:
        repository, name, version = found.wanted.chart or ("", "", "")
        transport = Transport()
        artifact = self._try(lambda: fetch_chart(repository, name, version, transport))
        _check_app_version(artifact.described.get("appVersion"), found.wanted)
        found.root = artifact.manifest
        found.manifests = [artifact.manifest]
        found.contents = artifact.contents
        found.blobs = {digest: blob_of(one) for digest, one in artifact.contents.items()}

    def _look_at_source(self, found: Found, source: Reference, platforms: frozenset[str]) -> None:
        registry = self._sources.of(source.host)
        root = self._try(lambda: registry.manifest(source.repository, source.wanted))
        if found.wanted.platform:
            self._check_platform(root, source, found.wanted.platform, registry)
        elif found.wanted.app_version is not None:
            self._check_chart(root, source, found.wanted, registry)
        if platforms and root.is_index and not found.wanted.whole:
            root = _of_platforms(root, platforms | {found.wanted.platform or ""}, source)
        found.root = root
        found.manifests = list(self._below(root, source, registry, _MAX_DEPTH))
        found.blobs = {blob.digest: blob for one in found.manifests for blob in one.blobs}

    def _below(
        self, root: Manifest, source: Reference, registry: Registry, depth: int
    ) -> Iterator[Manifest]:
        if root.is_index and depth == 0:
            raise RefusedError(f"{source}: indexes in indexes in indexes")
        for child in root.children:
            digest = child.digest
            below = self._try(lambda digest=digest: registry.manifest(source.repository, digest))  # type: ignore[misc]
            yield from self._below(below, source, registry, depth - 1)
        yield root

    def _check_platform(
        self, root: Manifest, source: Reference, platform: str, registry: Registry
    ) -> None:
        if root.is_index:
            offered = {one.platform for one in root.children if one.platform is not None}
        elif root.is_image:
            offered = {self._platform(root, source, registry) or "an unknown platform"}
        else:
            raise RefusedError(f"{source}: is no image, but {root.config.media_type}")
        if platform not in offered:
            has = ", ".join(sorted(offered)) or "no platform"
            raise RefusedError(
                f"{source}: is for {has}, and its nodes are {platform}: build it for them "
                f"(docker build --platform {platform}), or name another tag"
            )

    def _platform(self, image: Manifest, source: Reference, registry: Registry) -> str | None:
        return platform_of(self._config(image, source, registry))

    def _config(
        self, manifest: Manifest, source: Reference, registry: Registry
    ) -> dict[str, object]:
        digest = manifest.config.digest

        def act() -> dict[str, object]:
            response, _ = registry.open_blob(source.repository, digest, 0)
            with response:
                return bounded_json(response, f"{source}: its configuration")

        return self._try(act)

    def _check_chart(
        self, root: Manifest, source: Reference, wanted: Wanted, registry: Registry
    ) -> None:
        if root.is_index or root.config.media_type != CONFIG_TYPE:
            raise RefusedError(f"{source}: is no Helm chart")
        described = self._config(root, source, registry)
        _check_app_version(described.get("appVersion"), wanted)

    def _look_at_target(self, found: Found) -> None:
        root, wanted = found.root, found.wanted
        assert root is not None  # noqa: S101 - was found before
        at = wanted.tag or root.digest
        there = self._try(lambda: self._target.manifest_digest(wanted.copied_to, at))
        if there == root.digest:
            found.is_there = True
            return
        if there is not None:
            raise RefusedError(
                f"{self._target.host}/{wanted.copied_to}:{at} is {there}, and the source has "
                f"{root.digest} under this tag: tags of a mirror do not change. Where the copy is "
                "the wrong one, delete the tag there (aws ecr batch-delete-image) and run it again"
            )
        with ThreadPoolExecutor(_QUESTIONS_AT_ONCE) as pool:
            there_already = pool.map(lambda one: self._has_blob(wanted, one), found.blobs)
            found.missing = {
                digest
                for digest, is_there in zip(found.blobs, there_already, strict=True)
                if not is_there
            }

    def _has_blob(self, wanted: Wanted, digest: str) -> bool:
        return self._try(lambda: self._target.has_blob(wanted.copied_to, digest))

    def _try(self, act: Callable[[], _Result]) -> _Result:
        def unless_stopped() -> _Result:
            check_stop(self._stop)
            return act()

        return patiently(self._patience, unless_stopped, self._say)


def _of_platforms(root: Manifest, platforms: frozenset[str], source: Reference) -> Manifest:
    chosen = root.only(platforms)
    if not chosen.children:
        raise RefusedError(f"{source}: is for none of {', '.join(sorted(platforms - {''}))}")
    # Nothing was left out: the bytes as they are have the source's digest.
    return root if len(chosen.children) == len(root.children) else chosen


def _check_app_version(app_version: object, wanted: Wanted) -> None:
    if wanted.app_version is not None and str(app_version) != wanted.app_version:
        raise RefusedError(
            f"{wanted.origin}: its application is {app_version}, and the images that are copied "
            f"for it are {wanted.app_version}: easel's list of pins is wrong"
        )
