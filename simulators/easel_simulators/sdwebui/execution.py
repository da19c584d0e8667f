"""The GPU of the simulated SD WebUI: one job at a time, first come first served."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from easel_simulators.faults import STICKY, Fault, FaultPlan, cuda_error
from easel_simulators.jobs import FifoLock, JobLog, Lifetime
from easel_simulators.sdwebui.errors import (
    SHAPE_MISMATCH,
    TWO_DEVICES,
    WebuiError,
    out_of_memory,
)
from easel_simulators.sdwebui.progress import Progress
from easel_simulators.sdwebui.task_progress import TaskProgress
from easel_simulators.server import ConnectionDropped, Response

_BAD_GATEWAY = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
    b"<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)


@dataclass(frozen=True)
class JobLabel:
    """What is known of a job before it runs.

    Attributes:
        path: The request's path, for the log.
        name: What ``progress`` calls it.
        task_id: The request's ``force_task_id``.
        seed: The seed that was asked for.
        upscales: How many pictures it upscales; None for a generation.
    """

    path: str
    name: str
    task_id: str | None = None
    seed: int | None = None
    upscales: int | None = None


Answer = Callable[[], Response]
"""What is left of a job when the GPU is free again: encoding its pictures."""


class Gpu:
    """Runs jobs in the order of arrival and does to them what the fault plan says."""

    def __init__(
        self, lifetime: Lifetime, faults: FaultPlan, log: JobLog, progress: Progress
    ) -> None:
        self.queue = FifoLock(lifetime)
        self._lifetime = lifetime
        self._faults = faults
        self._log = log
        self._progress = progress
        self._broken: str | None = None
        self.tasks = TaskProgress()

    def run(self, label: JobLabel, job: Callable[[float], Answer]) -> Response:
        """Wait for the turn, run a job, answer.

        Pictures are encoded after the GPU has been given to the next job, as on a real server
        (``text2imgapi`` in AUTOMATIC1111's modules/api/api.py).

        Args:
            label: What it is.
            job: Does it; takes the seconds by which it is to be slower than usual.

        Raises:
            WebuiError: The job failed.
            ConnectionDropped: By a fault, or by the end of the simulator.
        """
        fault = self._faults.take()
        kind = fault.kind if fault else None
        if kind == "drop":
            raise ConnectionDropped
        if kind == "bad_gateway":
            return Response(502, _BAD_GATEWAY, "text/html")
        response = self._run_in_turn(label, job, fault)()
        match fault:
            case Fault(kind="drop_answer"):
                raise ConnectionDropped
            case Fault(kind="server_error"):
                return Response(500, b"Internal Server Error", "text/plain; charset=utf-8")
            case Fault(kind="stall", seconds=seconds):
                self._lifetime.sleep(seconds)
        return replace(response, truncated=True) if kind == "truncate" else response

    def _run_in_turn(
        self, label: JobLabel, job: Callable[[float], Answer], fault: Fault | None
    ) -> Answer:
        upscaling = label.upscales is not None
        with (
            self.tasks.queued(label.task_id),
            self.queue.turn(),
            self._log.job(label.path, label.task_id, label.seed) as record,
            self._progress.upscale(label.upscales or 0)
            if upscaling
            else self._progress.job(label.name),
            self.tasks.started(label.task_id),
        ):
            if upscaling:
                self._progress.next_upscale()
            answer = job(self._suffer(fault))
            if self._progress.interrupted:
                record.outcome = "interrupted"
        return answer

    def _suffer(self, fault: Fault | None) -> float:
        """Let a fault happen; tell by how many seconds the job is to be slower.

        Raises:
            WebuiError: By this fault, or by an earlier one that broke the GPU for good.
        """
        match fault:
            case Fault(kind=kind) if kind in STICKY:
                self._broken = self._broken or kind
            case Fault(kind="out_of_memory"):
                raise out_of_memory(2.25)
            case Fault(kind="cuda_error"):
                raise _cuda_error("illegal_memory_access")
            case Fault(kind="shape_mismatch"):
                raise WebuiError.raised("RuntimeError", SHAPE_MISMATCH)
            case Fault(kind="two_devices"):
                raise WebuiError.raised("RuntimeError", TWO_DEVICES)
            case Fault(kind="busy_forever"):
                self._progress.keep()
            case Fault(kind="hang", seconds=seconds):
                self._lifetime.sleep(seconds)
        if self._broken:
            raise _cuda_error(self._broken)
        slow = fault is not None and fault.kind == "slow"
        return float(fault.seconds or 0.0) if slow and fault else 0.0


def _cuda_error(kind: str) -> WebuiError:
    """As PyTorch 2.1 raises it, which SD WebUI 1.8 to 1.10 run on: a RuntimeError."""
    return WebuiError.raised("RuntimeError", cuda_error(STICKY[kind]))
