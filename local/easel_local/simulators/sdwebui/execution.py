"""The GPU of the simulated SD WebUI: one job at a time, first come first served."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from easel_local.simulators.faults import Fault, FaultPlan
from easel_local.simulators.jobs import FifoLock, JobLog, Lifetime
from easel_local.simulators.sdwebui.errors import CUDA_ERROR, WebuiError, out_of_memory
from easel_local.simulators.sdwebui.progress import Progress
from easel_local.simulators.sdwebui.task_progress import TaskProgress
from easel_local.simulators.server import ConnectionDropped, Response

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
    """

    path: str
    name: str
    task_id: str | None = None
    seed: int | None = None


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
        self.tasks = TaskProgress()

    def run(self, label: JobLabel, job: Callable[[float], Response]) -> Response:
        """Wait for the turn, run a job, answer.

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
        response = self._run_in_turn(label, job, fault)
        match fault:
            case Fault(kind="drop_answer"):
                raise ConnectionDropped
            case Fault(kind="server_error"):
                return Response(500, b"Internal Server Error", "text/plain; charset=utf-8")
            case Fault(kind="stall", seconds=seconds):
                self._lifetime.sleep(seconds)
        return replace(response, truncated=True) if kind == "truncate" else response

    def _run_in_turn(
        self, label: JobLabel, job: Callable[[float], Response], fault: Fault | None
    ) -> Response:
        with (
            self.tasks.queued(label.task_id),
            self.queue.turn(),
            self._log.job(label.path, label.task_id, label.seed) as record,
            self._progress.job(label.name),
            self.tasks.started(label.task_id),
        ):
            slower = 0.0
            match fault:
                case Fault(kind="out_of_memory"):
                    raise out_of_memory(2.25)
                case Fault(kind="cuda_error"):
                    raise WebuiError.raised("RuntimeError", CUDA_ERROR)
                case Fault(kind="hang", seconds=seconds):
                    self._lifetime.sleep(seconds)
                case Fault(kind="slow", seconds=float() | int() as seconds):
                    slower = seconds
            response = job(slower)
            if self._progress.interrupted:
                record.outcome = "interrupted"
        return response
