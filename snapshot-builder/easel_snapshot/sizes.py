"""How large the data volume must be."""

import math
from collections.abc import Iterable

from easel_snapshot.manifests import ResolvedImage

_GIB = 1024**3
_UNPACKED_RATIO = 2.5
"""Bytes on disk for a compressed one. A guess: 2 to 2.5 is what images of PyTorch and CUDA have."""

_SYSTEM_GIB = 4
"""Bottlerocket's own on the volume: host containers, logs. A guess, on the safe side."""

_HIGHEST_USE = 0.75
"""Share of the volume. The kubelet deletes images that no pod uses from 85 % on
(imageGCHighThresholdPercent), and what pods write comes on top."""

_STEP_GIB = 10
SMALLEST_GIB = 20
"""What modules/runtime takes at least as data_volume_gib."""

LARGEST_GIB = 16384
"""Of a gp3 volume."""


def compressed_bytes(images: Iterable[ResolvedImage]) -> int:
    """Returns what is pulled, in bytes; a layer that several images have counts once."""
    layers: dict[str, int] = {}
    for image in images:
        layers.update(image.layers)
    return sum(layers.values())


def least_gib(compressed: int) -> int:
    """Returns the size below which the images surely do not fit, in GiB.

    containerd keeps the compressed layers beside the unpacked ones.

    Args:
        compressed: bytes, of compressed_bytes.
    """
    return math.ceil(compressed * (1 + _UNPACKED_RATIO) / _GIB) + _SYSTEM_GIB


def default_gib(compressed: int) -> int:
    """Returns the size that a volume gets where none is given, in GiB.

    Args:
        compressed: bytes, of compressed_bytes.
    """
    wanted = least_gib(compressed) / _HIGHEST_USE
    return max(SMALLEST_GIB, math.ceil(wanted / _STEP_GIB) * _STEP_GIB)
