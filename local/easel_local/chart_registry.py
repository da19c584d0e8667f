"""An OCI registry on 127.0.0.1 that holds the stand-in charts, for applies without a network.

``python -m easel_local.chart_registry`` serves it in the foreground. A chart is found by its name,
whatever folder it is asked for in: as the public registries, and ECR, have it.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md (pulling)
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import re
import signal
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml

from easel_local.paths import ROOT
from easel_local.ports import LOOPBACK
from easel_local.server_process import ServerProcess
from easel_simulators.server import Request, Response, SimulatorServer

STAND_INS = ROOT / "local" / "charts"

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.cncf.helm.config.v1+json"
_CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_PATH = re.compile(r"/v2/(?P<repository>[a-z0-9._/-]+)/(?P<kind>manifests|blobs)/(?P<which>\S+)")


@dataclass(frozen=True)
class _Blob:
    media_type: str
    content: bytes

    @property
    def digest(self) -> str:
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"

    def descriptor(self) -> dict[str, Any]:
        return {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": len(self.content),
        }


class ChartRegistry(ServerProcess):
    """One registry's process, as a context manager."""

    def __init__(self, *, log_path: Path, port: int = 0) -> None:
        """Describes the process; nothing is started yet.

        Args:
            log_path: file for its output; overwritten.
            port: on 127.0.0.1; 0 takes a free one.
        """
        super().__init__(
            "chart registry",
            [sys.executable, "-m", "easel_local.chart_registry", "--port", str(port)],
            address_prefix=LOOPBACK,
            environment=os.environ,
            log_path=log_path,
        )

    @property
    def host(self) -> str:
        """Such as 127.0.0.1:5000, for EASEL_CHART_REGISTRY, once started."""
        return self.address


@contextmanager
def serving(charts: Path = STAND_INS, port: int = 0) -> Iterator[str]:
    """Serves the charts in a folder from a thread while the block runs.

    Yields:
        Host and port.

    Raises:
        OSError: the port is taken.
    """
    folders = sorted(path.parent for path in charts.glob("*/Chart.yaml"))
    content = _Charts({folder.name: _packed(folder) for folder in folders})
    with SimulatorServer(content, LOOPBACK, port, own_pages=False) as server:
        yield f"{LOOPBACK}:{server.port}"


def _packed(folder: Path) -> dict[str, _Blob]:
    """Returns a chart's manifest by its version, and all its blobs by their digests."""
    description = yaml.safe_load((folder / "Chart.yaml").read_text())
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            info = tarfile.TarInfo(f"{folder.name}/{file.relative_to(folder)}")
            info.size = file.stat().st_size
            archive.addfile(info, io.BytesIO(file.read_bytes()))
    config = _Blob(_CONFIG, json.dumps(description).encode())
    layer = _Blob(_CONTENT, gzip.compress(packed.getvalue(), mtime=0))
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": config.descriptor(),
        "layers": [layer.descriptor()],
    }
    whole = _Blob(_MANIFEST, json.dumps(manifest).encode())
    by_digest = {blob.digest: blob for blob in (config, layer, whole)}
    return {str(description["version"]): whole} | by_digest


class _Charts:
    """The registry's answers; an `easel_simulators.server.Application`."""

    def __init__(self, charts: dict[str, dict[str, _Blob]]) -> None:
        self._charts = charts

    def answer(self, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return Response(HTTPStatus.METHOD_NOT_ALLOWED, b"")
        if request.path == "/v2/":
            return Response.of_json({})
        blob = self._found(request.path)
        if blob is None:
            unknown = {"code": "MANIFEST_UNKNOWN", "message": "not a stand-in chart"}
            return Response.of_json({"errors": [unknown]}, HTTPStatus.NOT_FOUND)
        digest = {"Docker-Content-Digest": blob.digest}
        return Response(HTTPStatus.OK, blob.content, blob.media_type, digest)

    def close(self) -> None:
        """Nothing waits."""

    def _found(self, path: str) -> _Blob | None:
        match = _PATH.fullmatch(path)
        if not match:
            return None
        chart = match["repository"].rpartition("/")[2]
        return self._charts.get(chart, {}).get(match["which"])


def main() -> int:
    """Serves; the first line on standard output is host and port.

    Returns:
        The exit status: 0 after a signal, 1 where the port cannot be had.
    """
    parser = argparse.ArgumentParser(
        prog="python -m easel_local.chart_registry",
        description="The stand-in charts in an OCI registry.",
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with serving(port=options.port) as host:
            sys.stdout.write(f"{host}\n")
            sys.stdout.flush()
            stop.wait()
    except OSError as error:
        sys.stderr.write(
            f"chart_registry: cannot listen on {LOOPBACK}:{options.port}: {error.strerror}; "
            "choose another --port\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
