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

from pydantic import BaseModel, Field, ValidationError
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from easel_contract.record import Progress

logger = logging.getLogger(__name__)

_CONNECT_SECONDS = 2
_MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""Previews of pictures come over the same socket; a larger message ends the connection."""
_MAX_JSON_CHARACTERS = 64 * 1024
_PAUSE_SECONDS = 10.0
"""Between two tries to connect."""
_QUIET_SECONDS = 60.0
"""After which nobody has asked any more, and the connection is closed."""


class _Progress(BaseModel):
    prompt_id: str
    value: float = Field(ge=0)
    max: float = Field(gt=0)


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
        self._latest: _Progress | None = None

    def latest(self, prompt_id: str) -> Progress | None:
        """Returns the last that was told of a job; None where nothing was. Does not wait."""
        with self._lock:
            self._asked_at = time.monotonic()
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._listen, name="comfyui-progress", daemon=True
                )
                self._thread.start()
            told = self._latest
        if told is None or told.prompt_id != prompt_id:
            return None
        percent = round(100 * min(told.value / told.max, 1.0), 1)
        return Progress(percent=percent, step=int(told.value), steps=int(told.max))

    def _listen(self) -> None:
        while not self._is_quiet():
            try:
                # It is on this host: a proxy from the environment is never meant for it.
                with connect(
                    self._url,
                    open_timeout=_CONNECT_SECONDS,
                    max_size=_MAX_MESSAGE_BYTES,
                    proxy=None,
                ) as socket:
                    self._read(socket)
            except (OSError, WebSocketException) as error:
                logger.debug("no progress from ComfyUI: %s", error)
                time.sleep(_PAUSE_SECONDS)

    def _read(self, socket: Connection) -> None:
        while not self._is_quiet():
            try:
                message = socket.recv(timeout=_QUIET_SECONDS)
            except TimeoutError:
                continue
            if isinstance(message, str) and len(message) <= _MAX_JSON_CHARACTERS:
                self._note(message)

    def _note(self, text: str) -> None:
        try:
            message: Any = json.loads(text)
            if isinstance(message, dict) and message.get("type") == "progress":
                self._latest = _Progress.model_validate(message.get("data"))
        except (ValueError, ValidationError, RecursionError):
            return

    def _is_quiet(self) -> bool:
        with self._lock:
            if time.monotonic() - self._asked_at < _QUIET_SECONDS:
                return False
            self._thread = None
            return True
