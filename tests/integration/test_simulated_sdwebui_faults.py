"""What the simulated SD WebUI does wrong: on demand and for bad requests."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from PIL import Image

from easel_simulators.faults import STICKY, Fault
from easel_simulators.sdwebui import Behaviour, SimulatedSdWebui

from .simulated_runtime import Client, as_text, client_of, small, until

pytestmark = pytest.mark.integration


@contextmanager
def faulty(kind: str, count: int = 1, seconds: float | None = None) -> Iterator[Client]:
    behaviour = Behaviour(faults=[Fault(kind, count, seconds)])
    with SimulatedSdWebui(behaviour) as webui, client_of(webui.url) as client:
        yield client


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("out_of_memory", "OutOfMemoryError", "CUDA out of memory"),
        ("cuda_error", "RuntimeError", "illegal memory access"),
    ],
)
def test_failed_jobs_answer_500_as_often_as_asked(kind: str, name: str, says: str) -> None:
    with faulty(kind, count=2) as client:
        for _ in range(2):
            answer = client.post("/sdapi/v1/txt2img", small())
            assert (answer.status_code, answer.json()["error"]) == (500, name)
            assert says in answer.json()["errors"]
        assert client.generate()["images"]
        outcomes = [record["outcome"] for record in client.stats()["records"]]
    assert outcomes == ["failed", "failed", "completed"]


@pytest.mark.parametrize("kind", sorted(STICKY))
def test_a_sticky_cuda_error_fails_every_later_job_and_no_probe(kind: str) -> None:
    with faulty(kind) as client:
        for path, body in (("txt2img", small()), ("txt2img", small()), ("img2img", image())):
            answer = client.post(f"/sdapi/v1/{path}", body)
            assert (answer.status_code, answer.json()["error"]) == (500, "RuntimeError")
            assert answer.json()["errors"].startswith(f"CUDA error: {STICKY[kind]}\n")
        assert client.idle()
        assert client.get("/sdapi/v1/memory")["ram"]
        client.post("/sdapi/v1/interrupt")
        assert client.post("/sdapi/v1/txt2img", small()).status_code == 500
        assert {one["outcome"] for one in client.stats()["records"]} == {"failed"}


def image(**body: object) -> dict[str, object]:
    picture = as_text(Image.new("RGB", (8, 8)))
    return small(init_images=[picture], **body)


@pytest.mark.parametrize(
    ("kind", "says"), [("shape_mismatch", "mat1 and mat2 shapes"), ("two_devices", "cuda:0 and")]
)
def test_a_callers_mistake_fails_one_job(kind: str, says: str) -> None:
    with faulty(kind) as client:
        answer = client.post("/sdapi/v1/txt2img", small())
        assert (answer.status_code, answer.json()["error"]) == (500, "RuntimeError")
        assert says in answer.json()["errors"]
        assert client.generate()["images"]


def upscale(client: Client, upscaler: str) -> int:
    body = {"image": as_text(Image.new("RGB", (8, 8))), "upscaler_1": upscaler}
    return client.post("/sdapi/v1/extra-single-image", body).status_code


def job_of(client: Client) -> tuple[object, ...]:
    state = client.progress()["state"]
    return (state["job"], state["job_count"], state["job_no"])


@pytest.mark.parametrize("upscaler", ["Nope", ""])
def test_an_upscale_that_failed_is_told_of_until_the_next_job(upscaler: str) -> None:
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        for heal in (client.generate, lambda: upscale(client, "Lanczos")):
            assert upscale(client, upscaler) == 500
            assert (job_of(client), client.progress()["progress"]) == (("Upscale", 1, 1), 1.0)
            client.post("/sdapi/v1/interrupt")
            client.post("/sdapi/v1/skip")
            assert job_of(client) == ("Upscale", 1, 1)
            heal()
            assert client.idle()


def test_a_batch_that_failed_is_told_of_where_it_stopped() -> None:
    picture = as_text(Image.new("RGB", (8, 8)))
    files = [{"data": picture, "name": name} for name in "abc"]
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        body = {"imageList": files, "upscaler_1": "Nope"}
        assert client.post("/sdapi/v1/extra-batch-images", body).status_code == 500
        assert job_of(client) == ("Upscale", 3, 1)
        assert client.progress()["progress"] == pytest.approx(0.01 + 1 / 3)


def test_busy_forever_ends_with_the_next_job() -> None:
    with faulty("busy_forever") as client:
        assert client.generate()["images"]
        client.post("/sdapi/v1/interrupt")
        assert job_of(client) == ("scripts_txt2img", 1, 1)
        assert client.stats()["records"][0]["outcome"] == "completed"
        client.generate()
        assert client.idle()


def test_a_fork_may_have_no_progress() -> None:
    with (
        SimulatedSdWebui(Behaviour(progress=False)) as webui,
        client_of(webui.url) as client,
    ):
        answer = requests.get(f"{webui.url}/sdapi/v1/progress", timeout=5)
        assert (answer.status_code, answer.content) == (404, b"")
        assert client.generate()["images"]


def test_bad_gateway_is_html() -> None:
    with faulty("bad_gateway") as client:
        answer = client.post("/sdapi/v1/txt2img", small())
        assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html")


def test_slow_takes_longer() -> None:
    with faulty("slow", seconds=0.4) as client:
        client.generate()
        client.generate()
        slow, usual = (
            record["ended_at"] - record["started_at"] for record in client.stats()["records"]
        )
    assert slow >= 0.4
    assert usual < 0.3


def test_hang_is_deaf_to_interrupts() -> None:
    with faulty("hang", seconds=0.6) as client:
        started = time.monotonic()
        answer = client.generate_later()
        until(lambda: not client.idle(), "the job hangs")
        client.post("/sdapi/v1/interrupt")
        assert answer.result().status_code == 200
        assert time.monotonic() - started >= 0.6


def test_hang_for_ever_ends_with_the_server() -> None:
    with (
        SimulatedSdWebui(Behaviour(faults=[Fault("hang")])) as webui,
        client_of(webui.url) as client,
    ):
        answer = client.generate_later()
        until(lambda: not client.idle(), "the job hangs")
        webui.stop()
        assert isinstance(answer.exception(), requests.ConnectionError)


@pytest.mark.parametrize(("kind", "jobs"), [("drop", 0), ("drop_answer", 1)])
def test_dropped_connections(kind: str, jobs: int) -> None:
    with faulty(kind) as client:
        with pytest.raises(requests.ConnectionError):
            client.post("/sdapi/v1/txt2img", small())
        assert client.stats()["jobs"] == jobs


def test_truncated_answers() -> None:
    with faulty("truncate") as client:
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            client.post("/sdapi/v1/txt2img", small())
        assert client.stats()["jobs"] == 1


def test_faults_are_added_listed_and_cleared_over_http() -> None:
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        fault = {"kind": "slow", "count": 3, "seconds": 1.5}
        assert client.post("/_sim/faults", fault).json() == [fault]
        assert client.get("/_sim/faults") == [fault]
        assert requests.delete(f"{webui.url}/_sim/faults", timeout=5).json() == []
        webui.faults.add(Fault("drop"))
        assert client.get("/_sim/faults") == [{"kind": "drop", "count": 1, "seconds": None}]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "nope"},
        {"kind": "drop", "count": 0},
        {"kind": "drop", "count": True},
        {"kind": "slow"},
        {"kind": "hang", "seconds": -1},
        {"kind": "hang", "seconds": "1"},
        {"kind": "drop", "extra": 1},
        ["drop"],
        None,
    ],
)
def test_bad_faults_are_refused(fault: object) -> None:
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        answer = client.post("/_sim/faults", fault)
        assert answer.status_code == 400
        assert answer.json()["error"]
        assert client.get("/_sim/faults") == []


def test_the_control_paths_are_apart() -> None:
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        assert client.post("/_sim/nope").status_code == 404
        assert client.post("/sdapi/v1/faults").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"alwayson_scripts": {"x/y/z plot": {}}}, 422, "selectable script"),
        ({"width": 100_000, "height": 100_000}, 500, "CUDA out of memory"),
        ({"n_iter": 100_000, "width": 8, "height": 8}, 500, "CUDA out of memory"),
        ({"n_iter": 0}, 500, "IndexError"),
        ({"steps": None}, 500, "TypeError"),
        ({"send_images": None}, 422, "none is not an allowed value"),
        ({"override_settings": {"nope": 1}}, 500, "KeyError"),
        ({"enable_hr": True}, 500, "'>' not supported between instances of 'NoneType'"),
        ({"enable_hr": True, "denoising_strength": 1, "hr_scale": "inf"}, 500, "OverflowError"),
        ({"enable_hr": True, "denoising_strength": 1, "hr_scale": 1e9}, 500, "out of memory"),
        ({"script_name": "prompt matrix", "prompt": "|" * 20}, 500, "MemoryError"),
        (
            {"script_name": "prompt matrix", "prompt": "|" * 10, "width": 512, "height": 512},
            500,
            "out of memory",
        ),
    ],
)
def test_bad_requests_beyond_the_captures(body: dict[str, object], status: int, says: str) -> None:
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        answer = client.post("/sdapi/v1/txt2img", small(**body))
        assert answer.status_code == status
        assert says in answer.text
        assert client.idle()


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    with SimulatedSdWebui() as webui:
        body = b'{"seed": ' + b"1" * 5000 + b"}"
        answer = requests.post(f"{webui.url}/sdapi/v1/txt2img", data=body, timeout=5)
        assert answer.status_code == 400


def test_image_to_image_needs_a_strength() -> None:
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        answer = client.post("/sdapi/v1/img2img", image(denoising_strength=None))
        assert (answer.status_code, answer.json()["error"]) == (500, "TypeError")


def test_extensions_may_be_installed() -> None:
    body = small(alwayson_scripts={"ControlNet": {"args": []}})
    with (
        SimulatedSdWebui(Behaviour(scripts=("controlnet",))) as webui,
        client_of(webui.url) as client,
    ):
        assert client.post("/sdapi/v1/txt2img", body).status_code == 200
        assert "controlnet" in client.get("/sdapi/v1/scripts")["txt2img"]


@pytest.mark.parametrize("image", ["http://127.0.0.1/a.png", "aGVsbG8=", "data:image/png;base64,"])
def test_no_picture_is_fetched_and_none_made_up(image: str) -> None:
    with SimulatedSdWebui() as webui, client_of(webui.url) as client:
        answer = client.post("/sdapi/v1/img2img", {"init_images": [image]})
        assert answer.status_code == 500
        assert answer.json()["detail"] in {"Invalid encoded image", "Invalid image url"}


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Content-Length: 999999999999", 413),
        ("Content-Length: many", 400),
        ("Transfer-Encoding: chunked", 411),
    ],
)
def test_bodies_are_bounded(header: str, status: int) -> None:
    with (
        SimulatedSdWebui() as webui,
        socket.create_connection(("127.0.0.1", webui.port), timeout=5) as connection,
    ):
        request = f"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n\r\n"
        connection.sendall(request.encode())
        received = b""
        while chunk := connection.recv(4096):
            received += chunk
    assert received.startswith(f"HTTP/1.1 {status} ".encode())
