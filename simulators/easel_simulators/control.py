"""The test's side of a simulated runtime, under ``/_sim/``: no real runtime has these paths.

==========================  ======================================================================
``GET /_sim/stats``         jobs run, seconds busy, jobs waiting and the last records
``GET /_sim/faults``        the faults still to come
``POST /_sim/faults``       adds one: ``{"kind", "count"?, "seconds"?}`` (see ``faults``)
``DELETE /_sim/faults``     forgets them
==========================  ======================================================================
"""

import json
from typing import Protocol

from easel_simulators.faults import Fault, FaultPlan
from easel_simulators.jobs import JobLog
from easel_simulators.server import Request, Response

PREFIX = "/_sim/"


class Queue(Protocol):
    """Where jobs wait."""

    @property
    def pending(self) -> int:
        """How many wait, the running one not counted."""


class Control:
    """Answers the requests under ``PREFIX``."""

    def __init__(self, faults: FaultPlan, log: JobLog, queue: Queue) -> None:
        self._faults = faults
        self._log = log
        self._queue = queue

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        match request.method, request.path.removeprefix(PREFIX):
            case "GET", "stats":
                return Response.of_json({**self._log.summary(), "pending": self._queue.pending})
            case "GET", "faults":
                return Response.of_json(self._faults.coming())
            case "POST", "faults":
                return self._add_fault(request)
            case "DELETE", "faults":
                self._faults.clear()
                return Response.of_json([])
            case _:
                return Response.of_json(
                    {"error": f"no {request.method} {request.path}; there are stats and faults"},
                    404,
                )

    def _add_fault(self, request: Request) -> Response:
        try:
            self._faults.add(Fault.from_json(json.loads(request.body)))
        except ValueError as error:
            return Response.of_json({"error": str(error)}, 400)
        return Response.of_json(self._faults.coming())
