"""The simulated SD WebUI as a process: arguments, signals, ports."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from easel_simulators.sdwebui import SimulatedSdWebui

from .simulated_runtime import client_of, small, until

pytestmark = pytest.mark.integration

PROGRAM = (sys.executable, "-m", "easel_simulators.sdwebui")


@contextmanager
def process(*arguments: str, log: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """The simulator as a program, and its URL once it listens."""
    command = [*PROGRAM, "--port", "0", *arguments]
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as running,
    ):
        try:
            assert running.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+", running.stdout.readline())
            assert found, log.read_text()
            yield running, found.group()
        finally:
            running.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_at_once(number: signal.Signals, tmp_path: Path) -> None:
    with (
        process("--service-time", "120", log=tmp_path / "log") as (running, url),
        client_of(url) as client,
    ):
        answer = client.generate_later()
        until(client.sampling, "the job runs")
        os.kill(running.pid, number)
        assert running.wait(timeout=3) == 0
        assert isinstance(answer.exception(), requests.ConnectionError)
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_the_command_line_sets_the_behaviour(tmp_path: Path) -> None:
    arguments = ("--models", "m1,m2", "--no-hashing", "--fault", "drop", "--scripts", "controlnet")
    with process(*arguments, log=tmp_path / "log") as (_, url), client_of(url) as client:
        titles = [model["title"] for model in client.get("/sdapi/v1/sd-models")]
        assert titles == ["m1.safetensors", "m2.safetensors"]
        assert client.get("/_sim/faults")[0]["kind"] == "drop"
        assert "controlnet" in client.get("/sdapi/v1/scripts")["img2img"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--service-time", "-1"), "0 to 86400"),
        (("--service-time", "nan"), "0 to 86400"),
        (("--picture-bytes", "0"), "64 MiB"),
        (("--fault", "nope:1"), "unknown fault"),
        (("--fault", "slow:1"), "slow needs seconds"),
        (("--version", "2"), "invalid choice: '2'"),
        (("--encode-time", "-1"), "0 to 86400"),
        (("--config-keys", "nope"), "no settings: nope"),
        (("--models", "../x"), "no path below the folder"),
    ],
)
def test_bad_arguments_are_named(arguments: tuple[str, ...], says: str) -> None:
    command = [*PROGRAM, "--port", "0", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    assert says in ended.stderr


def test_the_command_line_chooses_the_version_and_its_ways(tmp_path: Path) -> None:
    models = "a.safetensors,anime/lamp-v3.safetensors,lamp [night].safetensors"
    arguments = ("--models", models, "--version", "1.8.0", "--no-progress", "--no-hash-cache")
    keys = ("--config-keys", "CLIP_stop_at_last_layers", "--encode-time", "0.2")
    with (
        process(*arguments, *keys, log=tmp_path / "log") as (_, url),
        client_of(url) as client,
    ):
        titles = [model["title"] for model in client.get("/sdapi/v1/sd-models")]
        assert titles == models.split(",")
        assert requests.get(f"{url}/sdapi/v1/progress", timeout=5).status_code == 404
        assert client.post("/sdapi/v1/txt2img", small(sampler_name="Nope")).status_code == 404
        started = time.monotonic()
        override = {"CLIP_stop_at_last_layers": 2}
        client.generate(width=512, height=512, override_settings=override)
        assert time.monotonic() - started >= 0.2
        assert client.get("/sdapi/v1/options")["CLIP_stop_at_last_layers"] == 1


def test_the_command_line_makes_an_sd_server(tmp_path: Path) -> None:
    arguments = ("--sd-server", "--models", "a.gguf", "--fault", "slow:1:0.3")
    with process(*arguments, log=tmp_path / "log") as (_, url), client_of(url) as client:
        assert [model["title"] for model in client.get("/sdapi/v1/sd-models")] == ["a"]
        started = time.monotonic()
        assert client.generate()["info"] == ""
        assert time.monotonic() - started >= 0.3


def test_a_taken_port_is_one_clear_line() -> None:
    with SimulatedSdWebui() as webui:
        command = [
            sys.executable,
            "-m",
            "easel_simulators.sdwebui",
            "--port",
            str(webui.port),
        ]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 1
    assert re.fullmatch(rf".*127\.0\.0\.1:{webui.port}: Address already in use; .*\n", ended.stderr)
