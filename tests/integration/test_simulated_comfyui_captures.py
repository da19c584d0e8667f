"""Replays the captured session with ComfyUI against the simulated one, from beginning to end.

The captures were made in one session, so queue numbers, file numbers and what is cached must come
out the same when all are sent in the same order. Status, headers, keys, JSON types and values are
compared; where a value may differ, ``comfyui_captures`` says so and why. Where the request itself
was not captured (uploads, jobs of which only the history was kept), the test makes it.
"""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests
from PIL import Image

from easel_simulators.comfyui import Behaviour, SimulatedComfyUi
from easel_simulators.faults import Fault

from .captures import CAPTURES
from .comfyui_captures import parsed, unlike
from .simulated_comfyui import Api, Websocket, empty_image, text_to_image, websocket
from .simulated_runtime import DEADLINE_SECONDS, until

pytestmark = pytest.mark.integration

SESSION = [
    "misc_get",
    "txt_empty_save",
    "repeat_identical_all_cached",
    "batch4",
    "upload_image",
    "load_scale_invert_blur_save_preview",
    "view",
    "animated_webp_png",
    "video",
    "audio",
    "text",
    "prompt_errors",
    "exec_error",
    "exec_error_partial_outputs",
    "no_websocket",
    "ksampler_64_first_load",
    "ksampler_64_2st",
    "ksampler_256_2st",
    "ksampler_64_b4",
    "ksampler_512_1st",
    "ksampler_model_switch_b",
    "ksampler_model_switch_back_a",
    "interrupt_running",
    "queue_interrupt",
    "cache_and_misc",
    "timings_and_dup",
    "restart_ws",
]
"""In the order of the captures' ``Date`` headers."""

LATER_SESSION = "0.8.0_jobs_uploads_prompts"
"""Replayed by ``test_simulated_comfyui_later_session``."""

MODELS = ("rand-sd15-a.safetensors", "rand-sd15-b.safetensors")
HEADERS = ("content-type", "content-disposition", "content-range", "accept-ranges")
NO_EXCHANGE = ("ws_messages", "ws_connect_midrun", "two_ws_same_clientid", "queue_after_500")
LONG_SECONDS = 60.0


def picture(colour: str, size: tuple[int, int] = (256, 256)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


UPLOADS: dict[str, dict[str, Any]] = {
    "first": {"data": picture("red"), "name": "in.png"},
    "same_content_again": {"data": picture("red"), "name": "in.png"},
    "same_name_other_content": {"data": picture("blue"), "name": "in.png"},
    "overwrite_true": {"data": picture("green"), "name": "in.png", "overwrite": "true"},
    "subfolder": {"data": picture("red"), "name": "in.png", "subfolder": "job1"},
    "type_temp": {"data": picture("red"), "name": "in.png", "type": "temp"},
    "subfolder_traversal": {"data": picture("red"), "name": "in.png", "subfolder": "../../x"},
    "bad_png": {"data": b"no picture", "name": "bad.png"},
}
"""What the captured session uploaded, by exchange."""

EXTRA_HEADERS = {
    "range": {"Range": "bytes=0-9"},
    "origin_mismatch": {"Origin": "http://evil.example"},
    "origin_mismatch_host": {"Origin": "http://localhost:1"},
}
"""Request headers that the captures do not show."""


class Session:
    """One simulated ComfyUI and the captured session so far."""

    def __init__(self, comfyui: SimulatedComfyUi) -> None:
        self.comfyui = comfyui
        self.api = Api(comfyui.url)
        self.socket: Websocket | None = None
        self._posted: set[str] = set()
        self._stack = ExitStack()

    def replay(self, name: str, exchanges: dict[str, Any]) -> Iterator[str]:
        """Send the requests of one file; tell what is not as captured."""
        with self._stack:
            if "ws_messages" in exchanges:
                client_id = exchanges["post_prompt"]["request"]["json"]["client_id"]
                self.listen(client_id)
            for step, captured in exchanges.items():
                if prepare := PREPARATIONS.get((name, step)):
                    prepare(self)
                if step not in NO_EXCHANGE:
                    yield from self._compare(step, captured)
            if "ws_messages" in exchanges:
                yield from self._compare_messages(exchanges["ws_messages"])
            self.api.post("/interrupt")
            until(self.api.idle, f"{name} ends")
            self.socket = None

    def listen(self, client_id: str) -> Websocket:
        self.socket = self._stack.enter_context(websocket(self.comfyui.url, client_id))
        return self.socket

    def start_long_job(self, prompt_id: str, **sampling: Any) -> None:
        """Queue a job that runs until it is interrupted; wait until it samples."""
        self.comfyui.faults.add(Fault("slow", seconds=LONG_SECONDS))
        workflow = text_to_image(steps=100, **sampling)
        workflow["4"]["inputs"]["ckpt_name"] = MODELS[0]
        workflow["5"]["inputs"] |= {"width": 128, "height": 128}
        socket = self.listen("x")
        self.post({"prompt": workflow, "client_id": "x", "prompt_id": prompt_id})
        socket.wait_for("executing", node="3")

    def post(self, body: dict[str, Any]) -> None:
        assert self.api.post("/prompt", body).status_code == 200
        self._posted.add(body["prompt_id"])

    def _compare(self, step: str, captured: dict[str, Any]) -> Iterator[str]:
        request = captured["request"]
        body = request.get("json")
        wanted = captured["response"]
        if request["path"] == "/prompt" and captured["status"] == 200 and body:
            # The captured id, so that what follows can be compared as it is.
            body = {**body, "prompt_id": body.get("prompt_id", wanted["prompt_id"])}
            self._posted.add(wanted["prompt_id"])
        if request["path"].startswith("/history/") and wanted:
            self._await_job(*wanted.items())
        ours = self._send(step, request, body)
        expected = {key: captured[key] for key in ("status", "headers", "response")}
        yield from unlike(step, expected, ours)

    def _await_job(self, job: tuple[str, dict[str, Any]]) -> None:
        prompt_id, entry = job
        if prompt_id not in self._posted:
            _, _, prompt, extra_data, _ = entry["prompt"]
            sent = {key: extra_data[key] for key in ("client_id",) if key in extra_data}
            self.post({"prompt": prompt, "prompt_id": prompt_id, **sent})
        self.api.ended(prompt_id)

    def _send(self, step: str, request: dict[str, Any], body: Any) -> dict[str, Any]:
        if request["path"] == "/upload/image":
            answer = self._upload(step)
        else:
            answer = requests.request(
                request["method"],
                self.comfyui.url + request["path"],
                params=request.get("params"),
                json=body,
                data=request.get("data"),
                headers=EXTRA_HEADERS.get(step, {}),
                timeout=DEADLINE_SECONDS,
            )
        headers = {name: answer.headers[name] for name in HEADERS if name in answer.headers}
        return {"status": answer.status_code, "headers": headers, "response": parsed(answer)}

    def _upload(self, step: str) -> requests.Response:
        if step in UPLOADS:
            return self.api.upload(**UPLOADS[step])
        form = {"other": ("x.png", b"x")}
        return requests.post(f"{self.comfyui.url}/upload/image", files=form, timeout=5)

    def _compare_messages(self, captured: list[dict[str, Any]]) -> Iterator[str]:
        assert self.socket is not None
        self.socket.wait_for("executing", node=None)
        heard = self.socket.messages
        yield from unlike("websocket", without_steps(captured), without_steps(heard))


def without_steps(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages without a sampler's steps when it was interrupted: how many depends on time."""
    if not any(one["type"] == "execution_interrupted" for one in messages):
        return messages
    stepping = ("progress", "progress_state")
    return [one for one in messages if one["type"] not in stepping]


def make_it_long(session: Session) -> None:
    session.comfyui.faults.add(Fault("slow", seconds=LONG_SECONDS))


def await_sampling(session: Session) -> None:
    assert session.socket is not None
    session.socket.wait_for("executing", node="3")


def end_long_job(session: Session) -> None:
    until(lambda: "blk" in session.api.running(), "the blocking job runs")


def delete_file(session: Session) -> None:
    (session.comfyui.output_folder / "cache_00001_.png").unlink()


def delete_file_after_success(session: Session) -> None:
    session.api.ended("c-3")
    delete_file(session)


def free_memory(session: Session) -> None:
    body = {"unload_models": True, "free_memory": True}
    assert session.api.post("/free", body).status_code == 200


def run_twenty(session: Session) -> None:
    for color in range(20):
        session.api.run(empty_image(100 + color, "latency"))


def two_jobs_behind_one(session: Session) -> None:
    session.start_long_job("in-front", seed=99)


def see_both_queued(session: Session) -> None:
    waiting = session.api.get("/queue")["queue_pending"]
    found = [[number, job, prompt["1"]["inputs"]["color"]] for number, job, prompt, *_ in waiting]
    assert found == exchanges_of("timings_and_dup")["queue_after_500"]


def restart(session: Session) -> None:
    session.api.run(empty_image(1), prompt_id="done-before")
    session.start_long_job("killed", seed=77)
    session.comfyui.restart()


PREPARATIONS: dict[tuple[str, str], Callable[[Session], None]] = {
    ("interrupt_running", "post_prompt"): make_it_long,
    ("interrupt_running", "queue"): await_sampling,
    ("queue_interrupt", "post_pending"): lambda s: s.start_long_job("run-1", seed=9),
    ("queue_interrupt", "same_number_same_id_1"): make_it_long,
    ("queue_interrupt", "same_number_same_id_2"): end_long_job,
    ("cache_and_misc", "repeat_after_file_deleted"): delete_file_after_success,
    ("cache_and_misc", "after_free_memory_no_client_id"): free_memory,
    ("cache_and_misc", "huge_prompt_id"): run_twenty,
    ("timings_and_dup", "dup1"): two_jobs_behind_one,
    ("timings_and_dup", "queue_after_500"): see_both_queued,
    ("restart_ws", "after_kill_killed"): restart,
}
"""What was done between two exchanges without being captured, by file and exchange."""


def exchanges_of(name: str) -> dict[str, Any]:
    exchanges: dict[str, Any] = json.loads((CAPTURES / f"comfy_{name}.json").read_text("utf-8"))
    # All node classes of a real server are no subject of a comparison.
    exchanges.pop("/object_info", None)
    return exchanges


def test_the_whole_session_goes_as_captured() -> None:
    with SimulatedComfyUi(Behaviour(models=MODELS)) as comfyui:
        session = Session(comfyui)
        found = [
            f"{name}: {line}"
            for name in SESSION
            for line in session.replay(name, exchanges_of(name))
        ]
    assert not found, "\n".join(found)


def test_all_captures_are_replayed() -> None:
    found = {file.stem for file in CAPTURES.glob("comfy_*.json")}
    assert found == {f"comfy_{name}" for name in [*SESSION, LATER_SESSION]}


def test_a_socket_opened_during_a_job_is_told_where_it_is() -> None:
    captured = exchanges_of("restart_ws")["ws_connect_midrun"]
    with SimulatedComfyUi(Behaviour(models=MODELS)) as comfyui:
        session = Session(comfyui)
        session.start_long_job("rec", seed=1)
        with websocket(comfyui.url, "x") as again:
            until(lambda: len(again.messages) == 2, "the greeting")
            captured[0]["data"]["sid"] = "x"
            assert again.messages == captured[:2]


def test_a_second_socket_takes_the_messages_from_the_first() -> None:
    captured = exchanges_of("restart_ws")["two_ws_same_clientid"]
    with (
        SimulatedComfyUi() as comfyui,
        websocket(comfyui.url, "tests") as first,
        websocket(comfyui.url, "tests") as second,
    ):
        Api(comfyui.url).run(empty_image(1))
        second.wait_for("executing", node=None)
        assert first.kinds() == captured["first_socket"][1:]
        assert second.kinds() == captured["second_socket"][1:]
