"""The GPU of one process: which checkpoint it holds, and what is wrong with it."""

from typing import Protocol

from easel_simulators.comfyui.nodes.pictures import out_of_memory
from easel_simulators.faults import STICKY, Fault, cuda_error
from easel_simulators.jobs import Lifetime

TWO_DEVICES = (
    "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"
)
"""PyTorch's message for a node that mixes devices (Comfy-Org/ComfyUI issue 6361)."""


class AcceleratorError(RuntimeError):
    """What PyTorch raises for a CUDA error (the type is told in Comfy-Org/ComfyUI issue 14756)."""


AcceleratorError.__module__ = "torch"


class Interruptible(Protocol):
    """What keeps the GPU busy until it is interrupted."""

    def work(self, seconds: float) -> None:
        """Keep the GPU busy."""


class Device:
    """A GPU. A sticky CUDA error stays until the process ends, and the device with it."""

    def __init__(self, lifetime: Lifetime) -> None:
        self._lifetime = lifetime
        self._broken: str | None = None
        self.loaded_checkpoint: str | None = None

    def load(self, name: str, seconds: float) -> None:
        """Load a checkpoint unless it is loaded; nothing interrupts that."""
        if self.loaded_checkpoint != name:
            self._lifetime.sleep(seconds)
            self.loaded_checkpoint = name

    def check(self) -> None:
        """See whether the device can be used.

        Raises:
            AcceleratorError: Since an earlier job it cannot.
        """
        if self._broken is not None:
            raise AcceleratorError(cuda_error(STICKY[self._broken]))

    def suffer(self, fault: Fault, job: Interruptible) -> None:
        """Let a fault happen.

        Raises:
            Exception: What the fault makes PyTorch raise.
        """
        match fault:
            case Fault(kind="out_of_memory"):
                raise out_of_memory()
            case Fault(kind="cuda_error"):
                raise AcceleratorError(cuda_error(STICKY["illegal_memory_access"]))
            case Fault(kind="two_devices"):
                raise RuntimeError(TWO_DEVICES)
            case Fault(kind="hang", seconds=seconds):
                self._lifetime.sleep(seconds)
            case Fault(kind="slow", seconds=float() | int() as seconds):
                job.work(seconds)
            case Fault(kind=kind) if kind in STICKY:
                self._broken = kind
                self.check()
