"""Faults on demand: what a test wants the simulated runtime to do wrong, and how often.

Vocabulary (``kind``):

==================  ==============================================================================
``out_of_memory``   the job fails as CUDA fails when its memory is used up
``cuda_error``      the job fails with an illegal memory access; the next one is well
one of ``STICKY``   the job fails with that CUDA error, and so does every later one, at once,
                    until the process ends
``two_devices``     the job fails as one does that mixes devices; nothing is broken
``shape_mismatch``  SD WebUI: the job fails as with a ControlNet of another family of models
``busy_forever``    SD WebUI: the job runs and is answered, yet ``progress`` tells of it until the
                    next one begins, as after an upscale that failed
``bad_gateway``     502 with an HTML body, as a proxy in front of the runtime answers
``slow``            the job takes ``seconds`` longer; an interrupt ends it
``hang``            the job holds the GPU for ``seconds`` (for ever without), deaf to interrupts,
                    then goes on
``drop``            the connection is closed without an answer; nothing runs
``drop_answer``     the job runs, then the connection is closed without an answer
``truncate``        the job runs; half of the answer is sent, then the connection is closed
``server_error``    the job runs, yet the answer is a 500
``stall``           the job runs; the answer comes ``seconds`` late
==================  ==============================================================================

"The job runs" means for ComfyUI, which answers before a job begins: it is queued.

Each applies to the next ``count`` generation requests, in the order in which they were added.
"""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

STICKY: Final[Mapping[str, str]] = {
    "illegal_memory_access": "an illegal memory access was encountered",
    "device_side_assert": "device-side assert triggered",
    "launch_failure": "unspecified launch failure",
    "no_cuda_device": "no CUDA-capable device is detected",
}
"""What CUDA says of errors after which only another process can use the GPU, by kind.

CUDA Runtime API, cudaErrorIllegalAddress, cudaErrorAssert and cudaErrorLaunchFailure: "any further
CUDA work will return the same error ... the process must be terminated and relaunched". A device
that is lost is not found again by a process that runs either.
"""


def cuda_error(says: str) -> str:
    """The message of PyTorch's exception for a CUDA error (Comfy-Org/ComfyUI issue 5428)."""
    return (
        f"CUDA error: {says}\n"
        "CUDA kernel errors might be asynchronously reported at some other API call, so the "
        "stacktrace below might be incorrect.\n"
        "For debugging consider passing CUDA_LAUNCH_BLOCKING=1\n"
        "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n"
    )


KINDS: Final = frozenset(
    {
        *STICKY,
        "two_devices",
        "shape_mismatch",
        "busy_forever",
        "out_of_memory",
        "cuda_error",
        "bad_gateway",
        "slow",
        "hang",
        "drop",
        "drop_answer",
        "truncate",
        "server_error",
        "stall",
    }
)
MAX_COUNT = 1_000_000
MAX_SECONDS = 86_400.0


@dataclass(frozen=True)
class Fault:
    """One fault. ``seconds`` means something for ``slow``, ``stall`` and ``hang`` only."""

    kind: str
    count: int = 1
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; choose from {', '.join(sorted(KINDS))}")
        if not 1 <= self.count <= MAX_COUNT:
            raise ValueError(f"count must be 1 to {MAX_COUNT}, not {self.count}")
        if self.seconds is not None and not 0 <= self.seconds <= MAX_SECONDS:
            raise ValueError(f"seconds must be 0 to {MAX_SECONDS:g}, not {self.seconds}")
        if self.kind in ("slow", "stall") and self.seconds is None:
            raise ValueError(f"{self.kind} needs seconds")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``kind[:count[:seconds]]``, as on the command line.

        Raises:
            ValueError: Not of that form, or out of bounds.
        """
        kind, _, rest = text.partition(":")
        count, _, seconds = rest.partition(":")
        try:
            return cls(kind, int(count or "1"), float(seconds) if seconds else None)
        except ValueError as error:
            raise ValueError(f"fault {text!r}: {error}") from error

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read ``{"kind", "count"?, "seconds"?}``.

        Raises:
            ValueError: Not of that form, or out of bounds.
        """
        if not isinstance(value, Mapping) or set(value) - {"kind", "count", "seconds"}:
            raise ValueError("a fault is {kind, count?, seconds?}")
        kind, count, seconds = value.get("kind"), value.get("count", 1), value.get("seconds")
        if not isinstance(kind, str) or type(count) is not int:
            raise ValueError("kind is a string and count a whole number")
        if seconds is not None and (
            isinstance(seconds, bool) or not isinstance(seconds, int | float)
        ):
            raise ValueError("seconds is a number")
        return cls(kind, count, seconds)


class FaultPlan:
    """The faults still to come."""

    def __init__(self, faults: tuple[Fault, ...] = ()) -> None:
        self._lock = threading.Lock()
        self._coming: deque[Fault] = deque(faults)

    def add(self, fault: Fault) -> None:
        """Put a fault after those that are still to come."""
        with self._lock:
            self._coming.append(fault)

    def clear(self) -> None:
        """Forget every fault that is still to come."""
        with self._lock:
            self._coming.clear()

    def take(self) -> Fault | None:
        """The fault of the request that asks, or None."""
        with self._lock:
            if not self._coming:
                return None
            fault = self._coming.popleft()
            if fault.count > 1:
                self._coming.appendleft(Fault(fault.kind, fault.count - 1, fault.seconds))
            return fault

    def coming(self) -> list[dict[str, object]]:
        """The faults still to come, as JSON values."""
        with self._lock:
            return [dict(vars(fault)) for fault in self._coming]
