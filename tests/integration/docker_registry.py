"""A real registry, Debian's docker-registry, on this machine."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
import yaml

from easel_local.ports import free_port
from tests.charts.prerequisites import missing


@contextmanager
def docker_registry(folder: Path, **more: object) -> Iterator[str]:
    """Serves one on 127.0.0.1.

    Args:
        folder: for its configuration and what it holds.
        more: of its configuration: https://distribution.github.io/distribution/about/configuration/

    Yields:
        Its host and port.
    """
    binary = shutil.which("docker-registry")
    if not binary:
        missing("docker-registry is not on PATH: apt-get install docker-registry")
    port = free_port()
    config = folder / "registry.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "version": "0.1",
                "log": {"level": "error", "accesslog": {"disabled": True}},
                "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
                "http": {"addr": f"127.0.0.1:{port}"},
            }
            | more
        )
    )
    quiet = subprocess.DEVNULL
    with subprocess.Popen([binary, "serve", config], stdout=quiet, stderr=quiet) as process:
        deadline = time.monotonic() + 20
        try:
            while True:
                with contextlib.suppress(requests.ConnectionError):
                    requests.get(f"http://127.0.0.1:{port}/v2/", timeout=2)
                    break
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
