"""The settings behind ``/sdapi/v1/options`` and the lists that never change.

What an override leaves behind is that of a real server (a1111_1.10.1_override_leak_and_
interrupt_mark.json; ``process_images`` in AUTOMATIC1111's ``modules/processing.py``): only the
settings that its config.json holds, or that have been set since its start, are restored after a
job. Any other stays as the job set it, and is from then on among those that are restored, to the
value that was left behind.
"""

import json
import threading
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Final, cast

from easel_simulators.sdwebui.errors import WebuiError

CHECKPOINT: Final = "sd_model_checkpoint"
CLIP_SKIP: Final = "CLIP_stop_at_last_layers"
PICTURE_FORMAT: Final = "samples_format"
VAE: Final = "sd_vae"
RETURN_GRID: Final = "return_grid"
RETURN_MASK: Final = "return_mask"
RETURN_MASK_COMPOSITE: Final = "return_mask_composite"
GRID_OF_SEVERAL: Final = "grid_only_if_multiple"

CONFIG_KEYS: Final = ("disable_mmap_load_safetensors", CHECKPOINT)
"""What easel's chart writes into config.json (charts/sd-runtime, ``sd-runtime.webuiConfig``)."""

NEVER_OVERRIDDEN: Final = frozenset(
    {
        "samples_filename_pattern",
        "directories_filename_pattern",
        "outdir_samples",
        "outdir_txt2img_samples",
        "outdir_img2img_samples",
        "outdir_extras_samples",
        "outdir_grids",
        "outdir_txt2img_grids",
        "outdir_img2img_grids",
        "outdir_save",
        "outdir_init_images",
    }
)
"""Dropped from overrides without a word: ``restricted_opts`` in modules/shared.py."""

# Seen without a change of the pixels: as the checkpoint, the format or the number of pictures.
_SEEN_OTHERWISE: Final = frozenset(
    {
        CHECKPOINT,
        "sd_checkpoint_hash",
        PICTURE_FORMAT,
        RETURN_GRID,
        RETURN_MASK,
        RETURN_MASK_COMPOSITE,
        GRID_OF_SEVERAL,
    }
)


def recorded_answer(name: str) -> object:
    """An answer that is the same at every request, as recorded from a real server.

    Args:
        name: A file of the folder ``answers``, without ``.json``.
    """
    file = resources.files(__package__) / "answers" / f"{name}.json"
    return json.loads(file.read_text("utf-8"))


class Settings:
    """The settings by name. Only the names that exist can be set; values are not checked."""

    def __init__(self, checkpoint_title: str, config_keys: Iterable[str] = CONFIG_KEYS) -> None:
        """Start with the defaults.

        Args:
            checkpoint_title: The checkpoint that is chosen at the start.
            config_keys: The names that config.json holds, with the values that are the defaults.

        Raises:
            ValueError: There is no setting of such a name.
        """
        self._defaults = cast("dict[str, object]", recorded_answer("options"))
        unknown = sorted(set(config_keys) - self._defaults.keys())
        if unknown:
            raise ValueError(f"no settings: {', '.join(unknown)}")
        self._values = {**self._defaults, CHECKPOINT: checkpoint_title}
        # Loading a model writes its title among the settings: load_model_weights in
        # AUTOMATIC1111's modules/sd_models.py.
        self._stored = {CHECKPOINT, *config_keys}
        self._lock = threading.Lock()

    def all(self) -> dict[str, object]:
        """Every setting."""
        with self._lock:
            return dict(self._values)

    def get(self, name: str) -> object:
        """One setting that exists."""
        with self._lock:
            return self._values[name]

    def stored(self, names: Iterable[str]) -> dict[str, object]:
        """Those of the settings that will be restored after a job, with their values."""
        with self._lock:
            return {name: self._values[name] for name in names if name in self._stored}

    def set(self, values: Mapping[str, object]) -> None:
        """Set one after the other, up to the first that does not exist.

        Raises:
            WebuiError: A name does not exist (``KeyError`` on the wire).
        """
        with self._lock:
            for name, value in values.items():
                # None where nothing is stored, so that null changes nothing: Options.set.
                if value == (self._values[name] if name in self._stored else None):
                    continue
                if name not in self._values:
                    raise WebuiError.raised("KeyError", repr(name))
                self._values[name] = value
                self._stored.add(name)

    def changed(self) -> str:
        """What differs from the defaults, as JSON: pictures depend on all of that.

        On a real server many settings change no pixel. Here every one does, so that a setting
        which one job left behind is seen in the next job's pictures.
        """
        with self._lock:
            found = {
                name: value
                for name, value in self._values.items()
                if value != self._defaults[name] and name not in _SEEN_OTHERWISE
            }
        return json.dumps(found, sort_keys=True)
