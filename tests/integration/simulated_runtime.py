"""Talking to a simulated runtime from tests: pictures in base64, deadlines, requests in flight."""

import base64
import io
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import requests
from PIL import Image

DEADLINE_SECONDS = 20.0
POLL_SECONDS = 0.01


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: It did not come to hold in time.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {DEADLINE_SECONDS} s: {what}")
        time.sleep(POLL_SECONDS)


def opened(text: str) -> Image.Image:
    """The picture in a base64 string."""
    picture = Image.open(io.BytesIO(base64.b64decode(text, validate=True)))
    picture.load()
    return picture


def as_text(picture: Image.Image) -> str:
    """A picture as PNG in base64."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


class Client:
    """The API of one simulated SD WebUI."""

    def __init__(self, url: str, pool: ThreadPoolExecutor) -> None:
        self.url = url
        self._pool = pool

    def get(self, path: str, timeout: float = DEADLINE_SECONDS) -> Any:
        answer = requests.get(f"{self.url}{path}", timeout=timeout)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None) -> requests.Response:
        return requests.post(f"{self.url}{path}", json=body, timeout=DEADLINE_SECONDS)

    def later(self, path: str, body: Any = None) -> "Future[requests.Response]":
        """Send a request from a thread of its own."""
        return self._pool.submit(self.post, path, body)

    def generate(self, **body: Any) -> dict[str, Any]:
        """A small text-to-image that succeeds."""
        answer = self.post("/sdapi/v1/txt2img", small(**body))
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        return result

    def generate_later(self, **body: Any) -> "Future[requests.Response]":
        return self.later("/sdapi/v1/txt2img", small(**body))

    def progress(self) -> dict[str, Any]:
        result: dict[str, Any] = self.get("/sdapi/v1/progress")
        return result

    def sampling(self) -> bool:
        """Whether a job is running and its model is loaded."""
        return bool(self.progress()["state"]["job_count"] > 0)

    def idle(self) -> bool:
        return bool(self.progress()["state"]["job_count"] == 0)

    def stats(self) -> dict[str, Any]:
        result: dict[str, Any] = self.get("/_sim/stats")
        return result

    def pending(self) -> int:
        return int(self.stats()["pending"])

    def wait_for_jobs(self, count: int) -> None:
        """Wait until so many jobs have come in, those that wait for their turn included."""
        until(
            lambda: len(self.stats()["records"]) + self.pending() == count, f"{count} jobs are in"
        )


def small(**body: Any) -> dict[str, Any]:
    return {"prompt": "a cat", "seed": 1, "steps": 20, "width": 64, "height": 64, **body}


@contextmanager
def client_of(url: str) -> Iterator[Client]:
    """A client whose requests in flight are waited for at the end."""
    with ThreadPoolExecutor(64) as pool:
        yield Client(url, pool)
