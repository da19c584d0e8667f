"""Checkpoints of an SD WebUI: found by any of their names, and switched (R21).

What a name may be: AUTOMATIC1111's modules/sd_models.py, `CheckpointInfo`: `name` is the path below
the models' folder, `title` that with the short hash, `model_name` that with "/" as "_" and without
extension; `info.sd_model_name` of a picture is the bare file name without extension.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

import requests
from pydantic import BaseModel, TypeAdapter, ValidationError

from easel_agent.errors import (
    RejectedTaskError,
    RuntimeBusyError,
    RuntimeDeadError,
    TransientError,
)
from easel_agent.runtimes.sdwebui.api import SdWebUiApi
from easel_contract.errors import TaskErrorCode

_MAX_NAMES = 20
"""Of those that a message lists."""
_MAX_CHARACTERS = 200
"""Of a name in a message."""
_TRAILING_HASH = re.compile(r"\s*\[(?P<hash>[0-9a-fA-F]{8,64})\]$")
_HASH_ALONE = re.compile(r"\[?(?P<hash>[0-9a-fA-F]{8,64})\]?")
"""As sites of models show it, in capitals, or longer than the server does."""
_EXTENSION = re.compile(r"\.(?:safetensors|sft|ckpt|pth?|bin|gguf)$", re.IGNORECASE)
_FOLDER = re.compile(r"^(?:.*/)?Stable-diffusion/")


class Checkpoint(BaseModel):
    """An entry of `/sdapi/v1/sd-models`."""

    model_config = {"protected_namespaces": ()}

    title: str
    """`folder/name.safetensors [hash]`, or without the hash until it is computed."""
    model_name: str
    filename: str = ""
    hash: str | None = None
    """The first ten digits of the SHA-256."""
    sha256: str | None = None

    @property
    def path(self) -> str:
        """Below the models' folder, with extension."""
        return _TRAILING_HASH.sub("", self.title).replace("\\", "/")

    @property
    def stem(self) -> str:
        """The bare file name without extension."""
        return PurePosixPath(_EXTENSION.sub("", self.path)).name

    def names(self) -> Iterator[frozenset[str]]:
        """What it is called, the most exact first."""
        path = PurePosixPath(self.path)
        filename = self.filename.replace("\\", "/")
        yield frozenset({self.title})
        yield frozenset({self.path, filename, _FOLDER.sub("", filename)})
        yield frozenset({_EXTENSION.sub("", self.path)})
        yield frozenset({path.name, PurePosixPath(filename).name})
        yield frozenset({self.stem})
        yield frozenset({self.model_name})
        yield frozenset({self.hash or "", self.sha256 or ""})

    def is_entitled(self, title: str | None) -> bool:
        """Whether the server's settings mean it, which add the hash when it is computed."""
        return title is not None and _TRAILING_HASH.sub("", title).replace("\\", "/") == self.path

    @property
    def is_hashed(self) -> bool:
        """Whether the checkpoint's hash has been computed."""
        return bool(self.sha256 or self.hash)

    def has_hash(self, digits: str) -> bool:
        """Whether a hash may be its own; True where it has not been computed."""
        known = [text.lower() for text in (self.sha256, self.hash) if text]
        return not known or any(
            text.startswith(digits.lower()) or digits.lower().startswith(text) for text in known
        )

    def made(self, name: str, digits: str | None) -> bool:
        """Whether a picture is its own, by `info.sd_model_name` and `info.sd_model_hash`."""
        if name not in (self.stem, self.model_name, self.path):
            return False
        return not digits or self.has_hash(digits)


_CHECKPOINTS = TypeAdapter(list[Checkpoint])


class Checkpoints:
    """The checkpoints that one SD WebUI can load."""

    def __init__(self, api: SdWebUiApi) -> None:
        self._api = api
        self._all: list[Checkpoint] = []

    def forget(self) -> None:
        """The process has ended: its next one may have others."""
        self._all = []

    def find(self, name: str, wait_seconds: float) -> Checkpoint:
        """Finds a checkpoint; looks once more at the folder where it is not known yet.

        Args:
            name: any of its names, with a hash in brackets behind it or without.
            wait_seconds: how long the folder's turn may take, behind others' jobs.

        Raises:
            RejectedTaskError: there is none of that name, or several, or its hash is another.
            RuntimeBusyError: the folder's turn did not come.
            TransientError, RuntimeDeadError: it could not be asked.
        """
        found = _named(name, self._all) or _named(name, self._listed())
        if not found:
            # A file that was put into the model bucket after the start.
            self._refresh(wait_seconds)
            found = _named(name, self._listed())
        shown = repr(name[:_MAX_CHARACTERS])
        if len(found) > 1:
            raise _rejected(f"several checkpoints are called {shown}: {_list(found)}")
        if not found:
            raise _rejected(self._why_none(name, shown))
        return found[0]

    def entitled(self, title: str | None) -> Checkpoint | None:
        """The checkpoint that the server's settings tell; None where it is not listed."""
        if title is None:
            return None
        found = _named(title, self._all) or _named(title, self._listed())
        return found[0] if len(found) == 1 else None

    def load(self, checkpoint: Checkpoint, seconds: float) -> None:
        """Makes it the one in use, which takes as long as reading the file.

        Raises:
            TransientError: it was not loaded.
            RuntimeDeadError: SD WebUI went away, or took longer than it may.
        """
        path = "/sdapi/v1/options"
        try:
            self._api.post(path, {"sd_model_checkpoint": checkpoint.title}, seconds)
        except requests.ReadTimeout as error:
            raise RuntimeDeadError(f"SD WebUI: {path} took longer than {seconds:g} s") from error
        except RejectedTaskError as error:
            # Its title is the server's own: this is not the caller's fault.
            raise TransientError(f"SD WebUI did not load {checkpoint.title}: {error}") from error

    def _why_none(self, name: str, shown: str) -> str:
        if _TRAILING_HASH.search(name):
            alike = [one for one in self._all if any(_bare(name) in names for names in one.names())]
            if alike:
                return f"no checkpoint {shown} has that hash; known: {_titles(alike)}"
        return f"there is no checkpoint {shown}; known: {_list(self._all) or 'none'}"

    def _refresh(self, seconds: float) -> None:
        try:
            self._api.post("/sdapi/v1/refresh-checkpoints", {}, seconds)
        except requests.ReadTimeout as error:
            message = f"SD WebUI did not look for new checkpoints in {seconds:g} s"
            raise RuntimeBusyError(message) from error
        except RejectedTaskError:
            pass  # sd-server has no such route

    def _listed(self) -> list[Checkpoint]:
        try:
            self._all = _CHECKPOINTS.validate_python(self._api.get("/sdapi/v1/sd-models"))
        except ValidationError as error:
            raise TransientError(f"SD WebUI's list of models cannot be read: {error}") from error
        return self._all


def _named(name: str, known: list[Checkpoint]) -> list[Checkpoint]:
    """Those that a name means: of the most exact kind of name that fits any, before any cut."""
    name = name.strip().replace("\\", "/")
    found = _of_best_form(known, name) or _of_best_form(known, _FOLDER.sub("", name))
    if found:
        return found
    if digits := _HASH_ALONE.fullmatch(name):
        return [one for one in known if one.is_hashed and one.has_hash(digits["hash"])]
    hash_ = _TRAILING_HASH.search(name)
    if hash_ is None:
        return []
    return _of_best_form([one for one in known if one.has_hash(hash_["hash"])], _bare(name))


def _of_best_form(known: list[Checkpoint], name: str) -> list[Checkpoint]:
    for form in (str, _composed, _caseless):
        if found := _of_best_rank(known, form(name), form):
            return found
    return []


def _of_best_rank(
    known: list[Checkpoint], name: str, form: Callable[[str], str]
) -> list[Checkpoint]:
    for rank in zip(*(one.names() for one in known), strict=True):
        found = [
            one
            for one, names in zip(known, rank, strict=True)
            if name in {form(text) for text in names if text}
        ]
        if found:
            return found
    return []


def _composed(name: str) -> str:
    """One writing of what looks the same: macOS takes letters with marks apart in files' names."""
    return unicodedata.normalize("NFC", name)


def _caseless(name: str) -> str:
    return _composed(name).casefold()


def _bare(name: str) -> str:
    bare = _TRAILING_HASH.sub("", name.strip().replace("\\", "/"))
    return _FOLDER.sub("", bare)


def _list(checkpoints: list[Checkpoint]) -> str:
    return ", ".join(one.path for one in checkpoints[:_MAX_NAMES])


def _titles(checkpoints: list[Checkpoint]) -> str:
    return ", ".join(one.title for one in checkpoints[:_MAX_NAMES])


def _rejected(message: str) -> RejectedTaskError:
    return RejectedTaskError(TaskErrorCode.RUNTIME_REJECTED, message)
