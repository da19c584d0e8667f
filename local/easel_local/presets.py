"""The runtimes that a local stack can have, by the name that `make up RUNTIMES=` takes."""

from collections.abc import Sequence
from typing import Any

MODEL = "v1-5-pruned-emaonly.safetensors"
"""The checkpoint of the seed's samples."""

_PRESETS: dict[str, tuple[str, dict[str, Any]]] = {
    "sdwebui": ("sdruntime", {"type": "sdwebui", "model_filename": MODEL}),
    "dynamic": ("sddynamic", {"type": "sdwebui", "dynamic_model": True}),
    "comfyui": ("comfyruntime", {"type": "comfyui"}),
}

SIMULATED_MODELS = (MODEL, "sd_xl_base_1.0.safetensors")
"""What a simulated runtime that loads models on demand has."""


class UnknownRuntimeError(ValueError):
    """`RUNTIMES=` names what there is not; the message names what there is."""


def runtimes_of(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The variable `runtimes` of envs/local.

    Args:
        names: of presets.

    Returns:
        The runtimes' settings, by runtime name.

    Raises:
        UnknownRuntimeError: there is no such preset, or none was named.
    """
    unknown = [name for name in names if name not in _PRESETS]
    if unknown or not names:
        raise UnknownRuntimeError(
            f"RUNTIMES={','.join(names)}: choose from {', '.join(_PRESETS)}, with commas between."
        )
    return dict(_PRESETS[name] for name in names)
