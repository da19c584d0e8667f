"""Runs jobs one at a time, with a cache of results and an entry in the history."""

import threading
from collections.abc import Mapping
from contextlib import suppress

from easel_simulators.comfyui.device import Device
from easel_simulators.comfyui.job_run import JobRun, Machine
from easel_simulators.comfyui.node_types import NodeResult
from easel_simulators.comfyui.queue import Job, JobQueue
from easel_simulators.jobs import JobLog
from easel_simulators.server import ConnectionDropped

__all__ = ["Executor", "Machine"]


class Executor:
    """Takes jobs from the queue until the process ends."""

    def __init__(self, machine: Machine, queue: JobQueue, log: JobLog) -> None:
        self._machine = machine
        self._queue = queue
        self._log = log
        self._device = Device(machine.lifetime)
        self._cache: Mapping[str, NodeResult] = {}
        self._forget_cache = False
        self._running: JobRun | None = None

    def start(self) -> None:
        """Begin to take jobs, in a thread of its own."""
        threading.Thread(target=self._serve, name="simulated-comfyui-worker", daemon=True).start()

    def interrupt(self, prompt_id: str | None) -> None:
        """Interrupt the running job if it has that id; whichever runs when None."""
        running = self._running
        if running is not None and prompt_id in (None, running.job.prompt_id):
            running.interrupt()

    def free(self, *, unload_models: bool, free_memory: bool) -> None:
        """Unload the checkpoint, forget cached results; a running job keeps what it has."""
        if unload_models:
            self._device.loaded_checkpoint = None
        self._forget_cache = self._forget_cache or free_memory

    def _serve(self) -> None:
        # The end of the process ends the thread wherever it waits.
        with suppress(ConnectionDropped):
            while True:
                self._run(self._queue.take())

    def _run(self, job: Job) -> None:
        if self._forget_cache:
            self._cache, self._forget_cache = {}, False
        self._running = run = JobRun(job, self._machine, self._device, self._cache)
        with self._log.job("/prompt", job.prompt_id, _seed_of(job)) as record:
            record.outcome = run.run()
        self._cache = run.cache
        self._running = None
        self._queue.done(job, run.entry())
        end = {"node": None, "prompt_id": job.prompt_id}
        self._machine.events.tell(job.client_id, "executing", end)


def _seed_of(job: Job) -> int | None:
    # Nodes that no output needs are not judged: they may lack their inputs.
    inputs = (node.get("inputs") for node in job.prompt.values())
    seeds = (one.get("seed") for one in inputs if isinstance(one, dict))
    return next((seed for seed in seeds if isinstance(seed, int)), None)
