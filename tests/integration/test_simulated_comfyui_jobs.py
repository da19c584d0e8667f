"""How the simulated ComfyUI handles jobs, faults, sockets and signals, beyond the captures."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from easel_simulators.comfyui import Behaviour, SimulatedComfyUi
from easel_simulators.faults import Fault

from .simulated_comfyui import Api, empty_image, text_to_image, websocket
from .simulated_runtime import until

pytestmark = pytest.mark.integration

PROGRAM = (sys.executable, "-m", "easel_simulators.comfyui")
LONG_SECONDS = 60.0


@contextmanager
def served(**behaviour: Any) -> Iterator[tuple[SimulatedComfyUi, Api]]:
    with SimulatedComfyUi(Behaviour(**behaviour)) as server:
        yield server, Api(server.url)


def last_message(entry: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    kind, data = entry["status"]["messages"][-1]
    return kind, data


def test_the_sampler_takes_the_service_time_and_a_new_checkpoint_the_load_time() -> None:
    with served(service_seconds=0.2, load_seconds=0.3) as (server, api):
        api.run(text_to_image(seed=1))
        api.run(text_to_image(seed=2))
        records: Any = server.stats()["records"]
    first, second = records
    assert first["ended_at"] - first["started_at"] >= 0.5
    assert 0.2 <= second["ended_at"] - second["started_at"] < 0.45
    assert (first["seed"], first["outcome"]) == (1, "completed")


def test_jobs_run_one_at_a_time_by_number() -> None:
    with served(faults=[Fault("slow", seconds=0.3)]) as (_, api):
        api.queue(text_to_image(), prompt_id="running")
        until(lambda: api.running() == ["running"], "the first job runs")
        api.queue(empty_image(1), prompt_id="usual")
        api.queue(empty_image(2), prompt_id="late", number=900)
        api.queue(empty_image(3), prompt_id="front", front=True)
        api.ended("late")
        assert list(api.get("/history")) == ["running", "front", "usual", "late"]
        assert list(api.get("/history", max_items="2")) == ["usual", "late"]


def test_an_interrupt_ends_the_sampler_between_steps() -> None:
    with served(service_seconds=LONG_SECONDS) as (_, api), websocket(api.url, "tests") as socket_:
        prompt_id = api.queue(text_to_image(steps=1000))
        socket_.wait_for("progress", node="3", value=1)
        started = time.monotonic()
        api.post("/interrupt", {"prompt_id": prompt_id})
        kind, data = last_message(api.ended(prompt_id))
        assert (kind, data["node_id"]) == ("execution_interrupted", "3")
        assert time.monotonic() - started < 5


def test_a_failed_job_leaves_what_came_before_in_the_cache() -> None:
    with served(faults=[Fault("out_of_memory")]) as (_, api):
        api.run(text_to_image())
        cached = api.run(text_to_image())["status"]["messages"][1]
    assert cached[0] == "execution_cached"
    assert cached[1]["nodes"] == ["4", "5", "6", "7"]


@pytest.mark.parametrize(
    ("kind", "queued"),
    [("drop", 0), ("bad_gateway", 0), ("drop_answer", 1), ("truncate", 1), ("server_error", 1)],
)
def test_submissions_go_wrong_with_and_without_a_job(kind: str, queued: int) -> None:
    with served(faults=[Fault(kind)]) as (server, api):
        try:
            status = api.post("/prompt", {"prompt": empty_image(1), "prompt_id": "x"}).status_code
        except requests.RequestException:
            status = None
        assert status in (None, 500, 502)
        if queued:
            api.ended("x")
        assert server.stats()["jobs"] == queued


def test_a_stalled_answer_comes_late_but_the_job_goes_on() -> None:
    with served(faults=[Fault("stall", seconds=0.5)]) as (_, api):
        started = time.monotonic()
        api.ended(api.queue(empty_image(1), prompt_id="x"))
        assert time.monotonic() - started >= 0.5


def test_a_restart_forgets_everything_and_serves_on() -> None:
    with served(faults=[Fault("slow", seconds=LONG_SECONDS)]) as (server, api):
        api.queue(text_to_image(), prompt_id="running")
        api.queue(empty_image(1), prompt_id="waiting")
        until(lambda: bool(api.running()), "it runs")
        api.upload(b"x", "in.png")
        former = server.output_folder
        server.restart()
        assert api.get("/queue") == {"queue_running": [], "queue_pending": []}
        assert api.get("/history") == {}
        assert not former.exists()
        assert api.post("/prompt", {"prompt": empty_image(2)}).json()["number"] == 0


def test_stopping_cuts_off_requests_and_leaves_no_file_and_no_thread() -> None:
    server = SimulatedComfyUi(Behaviour(faults=[Fault("stall", seconds=LONG_SECONDS)]))
    server.start()
    folder = server.output_folder
    with websocket(server.url, "tests") as socket_:
        session = requests.Session()
        assert session.get(f"{server.url}/queue", timeout=5).ok
        server.stop()
        until(lambda: not socket_._thread.is_alive(), "the socket ends")
        with pytest.raises(requests.ConnectionError):
            session.get(f"{server.url}/queue", timeout=5)
    assert not folder.exists()


@pytest.mark.parametrize("path", ["/queue", "/api/queue", "/history", "/api/history", "/api/jobs"])
def test_paths_exist_under_the_prefix_too(path: str) -> None:
    with served() as (_, api):
        assert api.get(path) is not None


@pytest.mark.parametrize("path", ["/jobs", "/history/", "/api", "/api/api/queue"])
def test_other_paths_do_not(path: str) -> None:
    with served() as (_, api):
        assert requests.get(f"{api.url}{path}", timeout=5).status_code == 404


def test_a_wrong_method_is_told_the_right_ones() -> None:
    with served() as (_, api):
        answer = requests.post(f"{api.url}/view", timeout=5)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 500),
        (b"[]", 500),
        (b'{"prompt": "text"}', 500),
        (b'{"prompt": {"1": 5}}', 500),
        (b'{"prompt": {}, "number": "x"}', 500),
        (b'{"prompt": {"1": {"class_type": "SaveImage"}}}', 400),
        (b'{"prompt": {"1": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}}}}', 400),
        (b'{"prompt": {"1": {"class_type": "SaveImage", "inputs": {"images": [1]}}}}', 400),
    ],
)
def test_broken_prompts_are_answered(body: bytes, status: int) -> None:
    with served() as (_, api):
        answer = requests.post(f"{api.url}/prompt", data=body, timeout=5)
        assert answer.status_code == status
        assert api.idle()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"9": {"class_type": "EmptyImage"}}, 200),
        ({"9": {"class_type": "EmptyImage", "inputs": None}}, 200),
        ({"2": {"class_type": "SaveImage", "inputs": []}}, 400),
        ({"2": {"class_type": "SaveImage"}}, 400),
        ({"2": {"class_type": ["SaveImage"], "inputs": {}}}, 500),
        ({"2": "SaveImage"}, 400),
    ],
)
def test_nodes_of_a_wrong_form_do_not_end_the_server(changes: dict[str, Any], status: int) -> None:
    with served() as (_, api):
        answer = api.post("/prompt", {"prompt": empty_image(1) | changes, "prompt_id": "x"})
        assert answer.status_code == status
        assert last_message(api.run(empty_image(2)))[0] == "execution_success"


@pytest.mark.parametrize("value", [["77", 0], [1, 2, 3], [["1", 0]], {"a": 1}])
def test_inputs_that_no_class_declares_are_left_alone(value: Any) -> None:
    workflow = empty_image(1)
    workflow["2"]["inputs"]["undeclared"] = value
    with served() as (_, api):
        assert last_message(api.run(workflow))[0] == "execution_success"


def test_a_long_list_of_choices_is_told_by_its_length() -> None:
    with served() as (_, api):
        answer = api.post("/prompt", {"prompt": text_to_image(sampler_name="nope")})
    problem = answer.json()["node_errors"]["3"]["errors"][0]
    assert problem["details"] == "sampler_name: 'nope' not in (list of length 44)"
    assert problem["extra_info"]["input_config"] is None


def test_the_list_of_jobs_has_pages() -> None:
    with served() as (_, api):
        for color in range(3):
            api.run(empty_image(color), prompt_id=f"job-{color}")
        page = api.get("/api/jobs", limit="1", offset="1", status="completed")
        assert len(page["jobs"]) == 1
        assert page["pagination"] == {"offset": 1, "limit": 1, "total": 3, "has_more": True}
        assert "workflow" not in page["jobs"][0]
        answer = requests.get(f"{api.url}/api/jobs?limit=x", timeout=5)
    assert answer.status_code == 400


def test_a_foreign_origin_gets_no_socket() -> None:
    with served() as (_, api), websocket(api.url, "x", Origin="http://evil.example") as socket_:
        assert socket_.rejected == 403
        assert socket_.messages == []


def test_a_request_for_a_socket_that_is_none_is_cut_off() -> None:
    with served() as (_, api), pytest.raises(requests.ConnectionError):
        requests.get(f"{api.url}/ws", timeout=5)


def test_a_client_that_does_not_read_does_not_hold_up_jobs() -> None:
    request = (
        b"GET /ws?clientId=tests HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n"
    )
    with (
        served() as (server, api),
        socket.create_connection(("127.0.0.1", server.port)) as silent,
    ):
        silent.sendall(request)
        assert silent.recv(12) == b"HTTP/1.1 101"
        assert last_message(api.run(text_to_image(steps=10_000)))[0] == "execution_success"


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
            line = running.stdout.readline()
            found = re.fullmatch(r"simulated ComfyUI on (http://127\.0\.0\.1:\d+)\n", line)
            assert found, line + log.read_text()
            yield running, found[1]
        finally:
            # Only a process that is asked to end deletes its files.
            running.terminate()
            try:
                running.wait(timeout=5)
            finally:
                running.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_at_once(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "files").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "files"))
    with process("--service-time", "120", log=tmp_path / "log") as (running, url):
        api = Api(url)
        api.queue(text_to_image())
        until(lambda: bool(api.running()), "the job runs")
        os.kill(running.pid, number)
        assert running.wait(timeout=3) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()
    assert list((tmp_path / "files").iterdir()) == []


def test_the_command_line_sets_the_behaviour(tmp_path: Path) -> None:
    arguments = ["--models", "m1.safetensors,m2.ckpt", "--fault", "drop"]
    arguments += ["--base-directory", str(tmp_path / "base")]
    with process(*arguments, log=tmp_path / "log") as (_, url):
        api = Api(url)
        assert api.get("/models/checkpoints") == ["m1.safetensors", "m2.ckpt"]
        assert api.get("/_sim/faults")[0]["kind"] == "drop"
        assert api.get("/_sim/stats")["pending"] == 0
        api.upload(b"x", "in.png")
    assert (tmp_path / "base" / "input" / "in.png").read_bytes() == b"x"


def test_a_taken_port_is_one_clear_line() -> None:
    with served() as (server, _):
        command = [*PROGRAM, "--port", str(server.port)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 1
    assert re.fullmatch(r"simulated ComfyUI: .*Address already in use; .*\n", ended.stderr)
