"""How the simulated ComfyUI behaves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from easel_simulators.faults import Fault


@dataclass(frozen=True)
class Behaviour:
    """How the simulated ComfyUI behaves.

    Attributes:
        models: File names of the checkpoints.
        service_seconds: How long a KSampler takes, whatever its size and steps; other nodes take
            as long as their work does.
        load_seconds: How long loading a checkpoint takes; nothing interrupts it.
        picture_bytes: For benchmarks: each saved PNG has this size, and equal pictures are
            encoded once.
        faults: What goes wrong first (see ``simulators.faults``).
        base_directory: Holds ``input``, ``output`` and ``temp``, as ComfyUI's own option of that
            name says; None takes a temporary directory that goes with the process.
    """

    models: Sequence[str] = ("sd15-a.safetensors", "sd15-b.safetensors")
    service_seconds: float = 0.0
    load_seconds: float = 0.0
    picture_bytes: int | None = None
    faults: Sequence[Fault] = field(default=())
    base_directory: Path | None = None
