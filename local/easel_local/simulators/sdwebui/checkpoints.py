"""The checkpoints (models) that the simulated SD WebUI has, under all of their names."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from easel_local.simulators.jobs import Lifetime

_FOLDER = PurePosixPath("/srv/sdwebui/models/Stable-diffusion")
_SUFFIXES = (".safetensors", ".ckpt")
_SHORT_HASH_CHARACTERS = 10


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint. ``sha256`` is None on a server that was started with ``--no-hashing``."""

    file_name: str
    sha256: str | None

    @property
    def model_name(self) -> str:
        """The file's name without its extension."""
        return PurePosixPath(self.file_name).stem

    @property
    def short_hash(self) -> str | None:
        """The first ten hex digits of the SHA-256."""
        return self.sha256[:_SHORT_HASH_CHARACTERS] if self.sha256 else None

    @property
    def title(self) -> str:
        """``name.safetensors [hash]``, as settings and lists show it."""
        return f"{self.file_name} [{self.short_hash}]" if self.short_hash else self.file_name

    @property
    def aliases(self) -> frozenset[str]:
        """Every name under which a request may ask for it."""
        names = {self.file_name, self.model_name, self.title}
        if self.sha256 and self.short_hash:
            names |= {self.sha256, self.short_hash, f"{self.model_name} [{self.short_hash}]"}
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
        self, names: Sequence[str], *, hashing: bool, load_seconds: float, lifetime: Lifetime
    ) -> None:
        """List the checkpoints; nothing is loaded yet.

        Args:
            names: File names; one without an extension is a ``.safetensors``.
            hashing: Whether they have hashes.
            load_seconds: How long loading one takes.
            lifetime: Its end ends a load.

        Raises:
            ValueError: There is no name.
        """
        if not names:
            raise ValueError("name at least one checkpoint")
        self._all = [_checkpoint(name, hashing=hashing) for name in names]
        self._load_seconds = load_seconds
        self._lifetime = lifetime
        self.loaded: Checkpoint | None = None

    @property
    def first(self) -> Checkpoint:
        """The one that is chosen at the start."""
        return self._all[0]

    def listed(self) -> list[dict[str, object]]:
        """The answer of ``GET /sdapi/v1/sd-models``."""
        return [checkpoint.listed() for checkpoint in self._all]

    def find(self, name: object) -> Checkpoint | None:
        """The checkpoint with that alias, in exactly that spelling."""
        if not isinstance(name, str):
            return None
        return next((one for one in self._all if name in one.aliases), None)

    def load(self, checkpoint: Checkpoint) -> None:
        """Load a checkpoint unless it is loaded; the caller holds the GPU."""
        if self.loaded == checkpoint:
            return
        self.loaded = None
        self._lifetime.sleep(self._load_seconds)
        self.loaded = checkpoint

    def unload(self) -> None:
        """Forget the loaded one; a job that runs keeps what it has."""
        self.loaded = None


def _checkpoint(name: str, *, hashing: bool) -> Checkpoint:
    file_name = name if name.endswith(_SUFFIXES) else f"{name}{_SUFFIXES[0]}"
    sha256 = hashlib.sha256(file_name.encode()).hexdigest() if hashing else None
    return Checkpoint(file_name, sha256)
