"""The checkpoints (models) that the simulated SD WebUI has, under all of their names.

Names as AUTOMATIC1111 1.10.1 makes them in ``modules/sd_models.py`` (``CheckpointInfo``): a file
in a subfolder has its path in ``title``, the path with "/" as "_" in ``model_name``, and only the
bare file name without extension in ``info.sd_model_name``.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from easel_simulators.jobs import Lifetime

_FOLDER = PurePosixPath("/srv/sdwebui/models/Stable-diffusion")
_SUFFIXES = (".safetensors", ".ckpt")
_SHORT_HASH_CHARACTERS = 10
_OLD_HASH_CHARACTERS = 8
_TRAILING_BRACKETS = re.compile(r"\s*\[[^]]+\]\s*$")


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint.

    Attributes:
        file_name: Its path below the folder of checkpoints, such as ``anime/lamp.safetensors``.
        sha256: Hex digits; None on a server that was started with ``--no-hashing``, and on others
            until it has been loaded once.
    """

    file_name: str
    sha256: str | None

    @property
    def model_name(self) -> str:
        """The path without its extension and with ``/`` turned into ``_``."""
        return str(PurePosixPath(self.file_name).with_suffix("")).replace("/", "_")

    @property
    def stem(self) -> str:
        """The bare file name without its extension: ``info.sd_model_name``."""
        return PurePosixPath(self.file_name).stem

    @property
    def old_hash(self) -> str:
        """Eight hex digits, the hash of versions before 1.0; still a name that is found."""
        return hashlib.sha256(f"old:{self.file_name}".encode()).hexdigest()[:_OLD_HASH_CHARACTERS]

    @property
    def short_hash(self) -> str | None:
        """The first ten hex digits of the SHA-256."""
        return self.sha256[:_SHORT_HASH_CHARACTERS] if self.sha256 else None

    @property
    def title(self) -> str:
        """``sub/name.safetensors [hash]``, as settings and lists show it."""
        return f"{self.file_name} [{self.short_hash}]" if self.short_hash else self.file_name

    @property
    def short_title(self) -> str:
        """``name [hash]``, as infotexts tell a refiner."""
        return f"{self.stem} [{self.short_hash}]" if self.short_hash else self.stem

    @property
    def aliases(self) -> frozenset[str]:
        """Every name under which settings may ask for it, in exactly that spelling."""
        names = {
            self.old_hash,
            self.model_name,
            self.title,
            self.file_name,
            self.stem,
            f"{self.file_name} [{self.old_hash}]",
        }
        if self.sha256 and self.short_hash:
            names |= {self.short_hash, self.sha256, self.short_title}
        return frozenset(names)

    def listed(self) -> dict[str, object]:
        """Its item in ``GET /sdapi/v1/sd-models``."""
        return {
            "title": self.title,
            "model_name": self.model_name,
            "hash": self.short_hash,
            "sha256": self.sha256,
            "filename": str(_FOLDER / self.file_name),
            "config": None,
        }


class Checkpoints:
    """The checkpoints on disk and the one that is loaded."""

    def __init__(
        self,
        names: Sequence[str],
        *,
        hashing: bool,
        hashes_cached: bool = True,
        load_seconds: float,
        lifetime: Lifetime,
    ) -> None:
        """List the checkpoints; nothing is loaded yet.

        Args:
            names: Paths below the folder of checkpoints; one without the extension of a checkpoint
                is a ``.safetensors``. Listed in this order (a real server sorts them).
            hashing: Whether they have hashes.
            hashes_cached: Whether the hashes are known from the start; otherwise each is known
                once its checkpoint has been loaded.
            load_seconds: How long loading one takes.
            lifetime: Its end ends a load.

        Raises:
            ValueError: There is no name, or one is empty or leads out of the folder.
        """
        if not names:
            raise ValueError("name at least one checkpoint")
        self._all = [_checkpoint(name, hashing=hashing) for name in names]
        self._hashed = set(self._all) if hashes_cached else set[Checkpoint]()
        self._load_seconds = load_seconds
        self._lifetime = lifetime
        self.loaded: Checkpoint | None = None

    @property
    def first(self) -> Checkpoint:
        """The one that is chosen at the start."""
        return self._known()[0]

    def listed(self) -> list[dict[str, object]]:
        """The answer of ``GET /sdapi/v1/sd-models``."""
        return [checkpoint.listed() for checkpoint in self._known()]

    def find(self, name: object) -> Checkpoint | None:
        """The checkpoint with that alias, in exactly that spelling.

        Of several with one alias, such as one stem in two folders, the last is found: each
        registers its aliases over those of the ones before (``CheckpointInfo.register``).
        """
        if not isinstance(name, str):
            return None
        return next((one for one in reversed(self._known()) if name in one.aliases), None)

    def closest(self, name: str) -> Checkpoint | None:
        """What a refiner or a second pass of hires fix finds (``get_closet_checkpoint_match``).

        An alias, else the shortest title that has the name in it, else the same without brackets
        at the name's end.
        """
        if found := self.find(name):
            return found
        for wanted in (name, _TRAILING_BRACKETS.sub("", name)):
            titled = [one for one in self._known() if wanted in one.title]
            if titled:
                return min(titled, key=lambda one: len(one.title))
        return None

    def load(self, checkpoint: Checkpoint) -> Checkpoint:
        """Load a checkpoint unless it is loaded; the caller holds the GPU.

        Returns:
            The checkpoint, with its hash.
        """
        whole = next(one for one in self._all if one.file_name == checkpoint.file_name)
        if self.loaded != whole:
            self.loaded = None
            self._lifetime.sleep(self._load_seconds)
            self.loaded = whole
            self._hashed.add(whole)
        return whole

    def unload(self) -> None:
        """Forget the loaded one; a job that runs keeps what it has."""
        self.loaded = None

    def _known(self) -> list[Checkpoint]:
        """All, with the hashes that are known by now."""
        return [one if one in self._hashed else replace(one, sha256=None) for one in self._all]


def _checkpoint(name: str, *, hashing: bool) -> Checkpoint:
    path = PurePosixPath(name)
    if not name.strip() or path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{name!r} is no path below the folder of checkpoints")
    file_name = name if name.endswith(_SUFFIXES) else f"{name}{_SUFFIXES[0]}"
    sha256 = hashlib.sha256(file_name.encode()).hexdigest() if hashing else None
    return Checkpoint(file_name, sha256)
