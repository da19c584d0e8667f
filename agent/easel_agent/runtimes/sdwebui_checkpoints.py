"""Checkpoints of an SD WebUI: found by any of their names, and switched (R21)."""

from pathlib import PurePath

import requests
from pydantic import BaseModel, TypeAdapter, ValidationError

from easel_agent.errors import RejectedTaskError, RuntimeDeadError, TransientError
from easel_agent.runtimes.sdwebui_api import PROBE_SECONDS, SdWebUiApi
from easel_contract.errors import TaskErrorCode

_MAX_NAMES = 20
"""Of those that a message lists."""


class Checkpoint(BaseModel):
    """An entry of `/sdapi/v1/sd-models`."""

    model_config = {"protected_namespaces": ()}

    title: str
    """`name.safetensors [hash]`, or without the hash until it is computed."""
    model_name: str
    """Without the extension; `info.sd_model_name` of what it made."""
    filename: str = ""

    def is_called(self, name: str) -> bool:
        """Whether a user means it by a name: title, bare file name, or name without extension."""
        # The hash comes into titles when it is computed, at the first load: it decides nothing.
        bare = name.partition(" [")[0]
        own = self.title.partition(" [")[0]
        return bare in (own, self.model_name, PurePath(self.filename).name)


_CHECKPOINTS = TypeAdapter(list[Checkpoint])


class Checkpoints:
    """What one SD WebUI can load, and has loaded."""

    def __init__(self, api: SdWebUiApi) -> None:
        self._api = api

    def find(self, name: str) -> Checkpoint:
        """Finds a checkpoint; looks once more at the folder where it is not known yet.

        Raises:
            RejectedTaskError: there is none of that name; names some that there are.
            TransientError, RuntimeDeadError: it could not be asked.
        """
        found = self._known(name)
        if found is None:
            # A file that was put into the model bucket after the start.
            self._post("/sdapi/v1/refresh-checkpoints", {}, PROBE_SECONDS)
            found = self._known(name)
        if found is None:
            names = [checkpoint.model_name for checkpoint in self._all()[:_MAX_NAMES]]
            raise RejectedTaskError(
                TaskErrorCode.RUNTIME_REJECTED,
                f"there is no checkpoint {name!r}; known: {', '.join(names) or 'none'}",
            )
        return found

    def is_loaded(self, checkpoint: Checkpoint) -> bool:
        """Whether it is the one in use; only asked between jobs, see `load`."""
        options = self._api.get("/sdapi/v1/options")
        current = options.get("sd_model_checkpoint") if isinstance(options, dict) else None
        return isinstance(current, str) and checkpoint.is_called(current)

    def load(self, checkpoint: Checkpoint, seconds: float) -> None:
        """Makes it the one in use, which takes as long as reading the file.

        While it loads, the options already show the new name: only the end of the call counts.

        Raises:
            TransientError: it was not loaded.
            RuntimeDeadError: SD WebUI went away, or took longer than it may.
        """
        if self.is_loaded(checkpoint):
            return
        self._post("/sdapi/v1/options", {"sd_model_checkpoint": checkpoint.title}, seconds)
        if not self.is_loaded(checkpoint):
            raise TransientError(f"SD WebUI did not load {checkpoint.title}")

    def _known(self, name: str) -> Checkpoint | None:
        return next((item for item in self._all() if item.is_called(name)), None)

    def _all(self) -> list[Checkpoint]:
        try:
            return _CHECKPOINTS.validate_python(self._api.get("/sdapi/v1/sd-models"))
        except ValidationError as error:
            raise TransientError(f"SD WebUI's list of models cannot be read: {error}") from error

    def _post(self, path: str, body: dict[str, str], seconds: float) -> None:
        try:
            self._api.post(path, body, seconds)
        except requests.ReadTimeout as error:
            raise RuntimeDeadError(f"SD WebUI: {path} took longer than {seconds:g} s") from error
