"""How far ComfyUI is with a job, as its websocket tells.

Only what is nice to know comes from here: the websocket is known to go mute, and a task's fate
hangs on the history alone. Messages: `progress` with `value` and `max`, as recorded in
tests/data/captures/comfy_*.json.
"""

import json
import logging
import threading
import time
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, Field
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from easel_contract.record import Progress

logger = logging.getLogger(__name__)

_CONNECT_SECONDS = 2
_MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""Previews of pictures come over the same socket; a larger message ends the connection."""
_MAX_JSON_CHARACTERS = 64 * 1024
_FIRST_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 1.0, 30.0
"""Between two tries to connect; doubled until a message has come."""
_MAX_STEPS = 1_000_000_000
_STALE_SECONDS = 60.0
"""After which the last that was told is no news any more: the socket may have gone mute."""
_QUIET_SECONDS = 60.0
"""After which nobody has asked any more, and the connection is closed."""


class _Told(BaseModel):
    """The data of a `progress` message."""

    prompt_id: str
    value: float = Field(ge=0, le=_MAX_STEPS)
    max: float = Field(gt=0, le=_MAX_STEPS)

    def progress_of_node(self) -> Progress:
        """The part of it that a record keeps."""
        percent = round(100 * min(self.value / self.max, 1.0), 1)
        return Progress(percent=percent, step=int(self.value), steps=int(self.max))


class ProgressFeed:
    """A connection that is made when somebody asks, and closed when nobody does any more."""

    def __init__(self, url: str, client_id: str) -> None:
        """Connects to nothing yet.

        Args:
            url: of the server.
            client_id: that jobs are submitted with: their messages go to its socket only.
        """
        parts = urlsplit(url)
        self._url = f"ws://{parts.netloc}{parts.path}/ws?clientId={client_id}"
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._asked_at = 0.0
        self._heard = False
        self._latest: tuple[_Told, float] | None = None

    def latest(self, prompt_id: str) -> Progress | None:
        """Returns the last that was told of a job; None where nothing was. Does not wait."""
        with self._lock:
            self._asked_at = time.monotonic()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._listen, name="comfyui-progress", daemon=True
                )
                self._thread.start()
        if self._latest is None:
            return None
        told, at = self._latest
        is_news = told.prompt_id == prompt_id and time.monotonic() - at < _STALE_SECONDS
        return told.progress_of_node() if is_news else None

    def _listen(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._is_quiet():
            self._heard = False
            try:
                # It is on this host: a proxy from the environment is never meant for it.
                with connect(
                    self._url,
                    open_timeout=_CONNECT_SECONDS,
                    close_timeout=_CONNECT_SECONDS,
                    max_size=_MAX_MESSAGE_BYTES,
                    proxy=None,
                ) as socket:
                    self._read(socket)
            except (OSError, WebSocketException) as error:
                logger.debug("no progress from ComfyUI: %s", error)
                pause = _FIRST_PAUSE_SECONDS if self._heard else pause
                time.sleep(pause)
                pause = min(2 * pause, _MAX_PAUSE_SECONDS)

    def _read(self, socket: Connection) -> None:
        while not self._is_quiet():
            try:
                message = socket.recv(timeout=_QUIET_SECONDS)
            except TimeoutError:
                continue
            self._heard = True
            if isinstance(message, str) and len(message) <= _MAX_JSON_CHARACTERS:
                self._note(message)

    def _note(self, text: str) -> None:
        try:
            message: Any = json.loads(text)
            if isinstance(message, dict) and message.get("type") == "progress":
                self._latest = _Told.model_validate(message.get("data")), time.monotonic()
        except (ValueError, RecursionError):
            return

    def _is_quiet(self) -> bool:
        return time.monotonic() - self._asked_at > _QUIET_SECONDS
