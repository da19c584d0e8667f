"""Servers that tests make up, on the one server that easel's simulators stand on."""

import mimetypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from easel_simulators.server import Request, Response, SimulatorServer, Takeover

Answer = Callable[[Request], Response | Takeover]


@dataclass(frozen=True)
class _Answering:
    answer: Answer

    def close(self) -> None:
        """Nothing waits."""


@contextmanager
def http_server(answer: Answer) -> Iterator[str]:
    """Serves on 127.0.0.1 inside the block.

    Args:
        answer: is asked for each request, from many threads at once.

    Yields:
        The URL, without a slash at the end.
    """
    with SimulatorServer(_Answering(answer)) as server:
        yield server.url


def files_of(folder: Path) -> Answer:
    """Answers a path with the file of that name; a folder has no list."""

    def answer(request: Request) -> Response:
        file = folder.joinpath(request.path.lstrip("/")).resolve()
        if not (file.is_relative_to(folder.resolve()) and file.is_file()):
            return Response(404, b"", "text/plain")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return Response(200, file.read_bytes(), kind)

    return answer
