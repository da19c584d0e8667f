"""A simulated SD WebUI (AUTOMATIC1111): its HTTP API, with drawn pictures and timed jobs.

In tests::

    with SimulatedSdWebui(Behaviour(service_seconds=0.2)) as webui:
        requests.post(f"{webui.url}/sdapi/v1/txt2img", json={"prompt": "A dog"}, timeout=10)

From a shell: ``python -m easel_simulators.sdwebui --help``.

It answers as version 1.10.1 or as 1.8.0; where a recording shows what a version does, that is
done, and where only its sources do, the code says so. Of 1.10.1 the lists of samplers and schedules
are from its sources, those of settings, upscalers and scripts the recorded ones of 1.8.0.

Not imitated: ``/docs``, ``/openapi.json``, ``script-info``, ``interrogate``, ``create/*`` and
``train/*``; preview pictures in ``progress``; the time that loading a refiner takes; scripts other
than "prompt matrix"; what styles, LoRAs and VAEs do to pictures: like any other field of a request
and any setting they make the pixels different ones.
"""

from easel_simulators.faults import FaultPlan
from easel_simulators.sdwebui.app import Behaviour, SdWebuiApplication
from easel_simulators.server import SimulatorServer

__all__ = ["Behaviour", "SimulatedSdWebui"]


class SimulatedSdWebui(SimulatorServer):
    """A simulated SD WebUI on a port of this machine."""

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
        self._webui = SdWebuiApplication(behaviour or Behaviour())
        super().__init__(self._webui, host, port)

    @property
    def faults(self) -> FaultPlan:
        """What is still to go wrong."""
        return self._webui.faults

    def stats(self) -> dict[str, object]:
        """What ran: see ``JobLog.summary``."""
        return self._webui.log.summary()
