"""A simulated runtime of a local stack answers below a random path, and nobody who has it not."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import pytest
import requests

from easel_simulators.comfyui import SimulatedComfyUi
from easel_simulators.command_line import PATH_VARIABLE

pytestmark = pytest.mark.integration

SECRET = "a-path-that_others-do-not-know"


@contextmanager
def started(kind: str) -> Iterator[str]:
    """A simulator's process; yields its URL without the secret."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"easel_simulators.{kind}", "--port", "0"],
        env={**os.environ, PATH_VARIABLE: SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert SECRET not in said
        yield said.split(" on ")[1].strip()
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize(
    ("kind", "path"), [("sdwebui", "/sdapi/v1/options"), ("comfyui", "/queue")]
)
def test_a_process_answers_below_its_path_alone(kind: str, path: str) -> None:
    with started(kind) as url:
        assert requests.get(f"{url}/{SECRET}{path}", timeout=10).status_code == HTTPStatus.OK
        for wrong in (path, f"/x{path}", f"/{SECRET[:-1]}{path}", f"/%2e/{SECRET}{path}", "/"):
            answer = requests.get(f"{url}{wrong}", timeout=10)
            assert (answer.status_code, answer.content) == (HTTPStatus.FORBIDDEN, b"")


def test_the_secret_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with SimulatedComfyUi() as server:
        server.require(SECRET)
        own = logging.getLogger("easel_local")
        assert requests.get(f"{server.url}/{SECRET}/queue", timeout=10).status_code
        assert requests.get(f"{server.url}/other/queue", timeout=10).status_code == 403
        assert own.isEnabledFor(logging.INFO)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("easel")]
    assert [line for line in lines if "GET /queue" in line]
    assert not [line for line in lines if SECRET in line]
