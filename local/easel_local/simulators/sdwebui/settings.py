"""The settings behind ``/sdapi/v1/options`` and the lists that never change."""

import json
import threading
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Final, cast

from easel_local.simulators.sdwebui.errors import WebuiError

CHECKPOINT: Final = "sd_model_checkpoint"
CLIP_SKIP: Final = "CLIP_stop_at_last_layers"
PICTURE_FORMAT: Final = "samples_format"
VAE: Final = "sd_vae"


def recorded_answer(name: str) -> object:
    """An answer that is the same at every request, as recorded from a real server.

    Args:
        name: A file of the folder ``answers``, without ``.json``.
    """
    file = resources.files(__package__) / "answers" / f"{name}.json"
    return json.loads(file.read_text("utf-8"))


class Settings:
    """The settings by name. Only the names that exist can be set; values are not checked."""

    def __init__(self, checkpoint_title: str) -> None:
        recorded = cast("dict[str, object]", recorded_answer("options"))
        self._values = {**recorded, CHECKPOINT: checkpoint_title}
        self._lock = threading.Lock()

    def all(self) -> dict[str, object]:
        """Every setting."""
        with self._lock:
            return dict(self._values)

    def get(self, name: str) -> object:
        """One setting that exists."""
        with self._lock:
            return self._values[name]

    def pick(self, names: Iterable[str]) -> dict[str, object]:
        """The settings of those names.

        Raises:
            WebuiError: A name does not exist (``KeyError`` on the wire).
        """
        with self._lock:
            return {name: self._existing(name) for name in names}

    def set(self, values: Mapping[str, object]) -> None:
        """Set one after the other, up to the first that does not exist.

        Raises:
            WebuiError: A name does not exist (``KeyError`` on the wire).
        """
        with self._lock:
            for name, value in values.items():
                self._existing(name)
                self._values[name] = value

    def _existing(self, name: str) -> object:
        if name not in self._values:
            raise WebuiError.raised("KeyError", repr(name))
        return self._values[name]
