"""A simulated ComfyUI: its HTTP API and websocket, with drawn pictures and timed jobs.

In tests::

    with SimulatedComfyUi(Behaviour(service_seconds=0.2)) as comfyui:
        requests.post(f"{comfyui.url}/prompt", json={"prompt": workflow}, timeout=10)

From a shell: ``python -m easel_simulators.comfyui --help``.

Not imitated: web pages, extensions, users and settings, logs, masks (``/upload/mask``), subgraphs
and lazy inputs, previews of latents; what samplers, steps and checkpoints do to pictures. The node
classes are those of ``nodes``; the containers that ``nodes.containers`` writes cannot be played.
"""

from pathlib import Path

from easel_simulators.comfyui.app import ComfyUiApplication
from easel_simulators.comfyui.settings import Behaviour
from easel_simulators.faults import FaultPlan
from easel_simulators.server import SimulatorServer

__all__ = ["Behaviour", "SimulatedComfyUi"]


class SimulatedComfyUi(SimulatorServer):
    """A simulated ComfyUI on a port of this machine."""

    def __init__(
        self, behaviour: Behaviour | None = None, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        """Bind the port; ``with`` or ``start`` begins to serve.

        Args:
            behaviour: Models, times, faults; None takes the defaults.
            host: Address to bind.
            port: Port to bind; 0 takes a free one.

        Raises:
            OSError: The port is taken or the address is not this machine's.
        """
        self._comfyui = ComfyUiApplication(behaviour or Behaviour())
        try:
            super().__init__(self._comfyui, host, port)
        except OSError:
            self._comfyui.close()
            raise

    @property
    def faults(self) -> FaultPlan:
        """What is still to go wrong."""
        return self._comfyui.faults

    def stats(self) -> dict[str, object]:
        """What ran: see ``JobLog.summary``."""
        return self._comfyui.log.summary()

    @property
    def base_directory(self) -> Path:
        """Holds the folders ``input``, ``output`` and ``temp``; a temporary one until a restart."""
        return self._comfyui.base_directory

    @property
    def output_folder(self) -> Path:
        """Where saved files lie."""
        return self.base_directory / "output"

    def restart(self) -> None:
        """Forget what a restarted process forgets: queue, history, cache, a broken device.

        Files go too, unless they are in a ``base_directory``: there ``temp`` alone is emptied.
        """
        self._comfyui.restart(self._http.cut_off_all)
