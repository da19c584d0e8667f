"""Talking to a simulated ComfyUI from tests: workflows, jobs and the websocket."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import requests
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, RejectConnection, Request, TextMessage

from .simulated_runtime import DEADLINE_SECONDS, until

Workflow = dict[str, dict[str, Any]]


def empty_image(color: int, prefix: str = "cap", **size: int) -> Workflow:
    """The smallest workflow that saves a picture."""
    inputs = {"width": 64, "height": 64, "batch_size": 1, "color": color, **size}
    return {
        "1": {"class_type": "EmptyImage", "inputs": inputs},
        "2": {
            "class_type": "SaveImage",
            "inputs": {"images": ["1", 0], "filename_prefix": prefix},
        },
    }


def text_to_image(**sampling: Any) -> Workflow:
    """A checkpoint, two prompts, a sampler and a saved picture."""
    settings = {
        "seed": 1,
        "steps": 2,
        "cfg": 7.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
        **sampling,
    }
    links = {
        "model": ["4", 0],
        "positive": ["6", 0],
        "negative": ["7", 0],
        "latent_image": ["5", 0],
    }
    return {
        "4": node("CheckpointLoaderSimple", ckpt_name="sd15-a.safetensors"),
        "5": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "6": node("CLIPTextEncode", text="a cat", clip=["4", 1]),
        "7": node("CLIPTextEncode", text="bad", clip=["4", 1]),
        "3": node("KSampler", **settings, **links),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", images=["8", 0], filename_prefix="ks"),
    }


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    """A node of a workflow."""
    return {"class_type": class_type, "inputs": inputs}


class Api:
    """The API of one simulated ComfyUI."""

    def __init__(self, url: str) -> None:
        self.url = url

    def request(self, path: str, **query: str) -> requests.Response:
        return requests.get(f"{self.url}{path}", params=query, timeout=DEADLINE_SECONDS)

    def get(self, path: str, **query: str) -> Any:
        answer = self.request(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None) -> requests.Response:
        return requests.post(f"{self.url}{path}", json=body, timeout=DEADLINE_SECONDS)

    def view(self, **query: str) -> requests.Response:
        return requests.get(f"{self.url}/view", params=query, timeout=DEADLINE_SECONDS)

    def upload(self, data: bytes, name: str, **fields: str) -> requests.Response:
        files = {"image": (name, data, "application/octet-stream")}
        return requests.post(
            f"{self.url}/upload/image", files=files, data=fields, timeout=DEADLINE_SECONDS
        )

    def queue(self, workflow: Workflow, **more: Any) -> str:
        """Queue a workflow that is accepted; the id of its job."""
        answer = self.post("/prompt", {"prompt": workflow, "client_id": "tests", **more})
        assert answer.status_code == 200, answer.text
        assert answer.json()["node_errors"] == {}
        return str(answer.json()["prompt_id"])

    def ended(self, prompt_id: str) -> dict[str, Any]:
        """Wait for a job; its entry in the history."""
        until(lambda: prompt_id in self.get(f"/history/{prompt_id}"), f"job {prompt_id} ended")
        entry: dict[str, Any] = self.get(f"/history/{prompt_id}")[prompt_id]
        return entry

    def run(self, workflow: Workflow, **more: Any) -> dict[str, Any]:
        """Queue a workflow and wait for it."""
        return self.ended(self.queue(workflow, **more))

    def running(self) -> list[str]:
        return [job[1] for job in self.get("/queue")["queue_running"]]

    def idle(self) -> bool:
        return bool(self.get("/prompt")["exec_info"]["queue_remaining"] == 0)


class Websocket:
    """A client's websocket: collects messages in a thread of its own."""

    def __init__(self, url: str, client_id: str, **headers: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._socket = socket.create_connection((parts.hostname, parts.port), DEADLINE_SECONDS)
        self._protocol = WSConnection(ConnectionType.CLIENT)
        extra = [(name.encode(), value.encode()) for name, value in headers.items()]
        request = Request(parts.netloc, f"/ws?clientId={client_id}", extra_headers=extra)
        self._socket.sendall(self._protocol.send(request))
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self.messages: list[dict[str, Any]] = []
        self.rejected: int | None = None
        self._thread.start()
        until(lambda: self._opened.is_set() or not self._thread.is_alive(), "the socket opens")

    def _read(self) -> None:
        while data := self._socket.recv(65_536):
            self._protocol.receive_data(data)
            for event in self._protocol.events():
                if isinstance(event, TextMessage):
                    self.messages.append(json.loads(event.data))
                elif isinstance(event, AcceptConnection):
                    self._opened.set()
                elif isinstance(event, RejectConnection):
                    self.rejected = event.status_code
                    return
                elif isinstance(event, CloseConnection):
                    return

    def kinds(self) -> list[str]:
        return [message["type"] for message in self.messages]

    def heard(self, kind: str, **data: Any) -> bool:
        """Whether a message of that type with those data has come."""
        return any(
            one["type"] == kind and data.items() <= one["data"].items() for one in self.messages
        )

    def wait_for(self, kind: str, **data: Any) -> None:
        until(lambda: self.heard(kind, **data), f"{kind} {data}")

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()


@contextmanager
def websocket(url: str, client_id: str, **headers: str) -> Iterator[Websocket]:
    """A websocket that is closed at the end."""
    opened = Websocket(url, client_id, **headers)
    try:
        yield opened
    finally:
        opened.close()
