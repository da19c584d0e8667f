"""The process that serves ministack: its environment, its socket, its end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib.metadata
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from hypercorn.asyncio import serve as serve_asgi
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework, ASGIReceiveCallable, ASGISendCallable, Scope

from easel_local.credentials import StackCredentials
from easel_local.emulator.partition import with_china
from easel_local.emulator.process import REGION, KubernetesEndpoint
from easel_local.emulator.whole_answers import send_whole_answers

HOST = "127.0.0.1"
ACCOUNT_ID = "000000000000"

# The bridges reach into ministack's insides; each is proven against this version only.
MINISTACK_VERSION = "1.5.33"

_GRACE_SECONDS = 1.0


class ServerError(Exception):
    """The emulator cannot start; the message says what to change."""


@dataclass(frozen=True)
class ServerOptions:
    """What is served, and how.

    Attributes:
        credentials: The account's root; whatever is signed with no known key is refused.
        port: The only port that is listened on; 0 takes a free one.
        region: Of requests that nobody signed.
        state_dir: Folder that keeps the state over restarts; None keeps it in memory.
        enforce_iam: Whether IAM policies are checked.
        kubernetes: What every EKS cluster says of its API server.
        bridges: Whether ministack's gaps are bridged; see ``bridges``.
        calls_path: Gets every call and its IAM action; None writes nothing. Needs ``enforce_iam``.
    """

    credentials: StackCredentials
    port: int = 0
    region: str = REGION
    state_dir: Path | None = None
    enforce_iam: bool = False
    kubernetes: KubernetesEndpoint | None = None
    bridges: bool = True
    calls_path: Path | None = None


def serve(options: ServerOptions) -> None:
    """Serve ministack on 127.0.0.1 until SIGTERM or SIGINT.

    The first line on standard output is the endpoint's URL. The process's environment is replaced:
    ministack reads its settings from it, and hands it to every Lambda function it runs. When this
    returns, threads of ministack may still wait for a long poll or a function: end the process
    without joining them.

    Raises:
        ServerError: Wrong ministack version, or the port is taken.
    """
    _check_version()
    # Until the loop takes over, a SIGTERM unwinds as a Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _listen(options.port) as listener, _scratch() as scratch:
        port = listener.getsockname()[1]
        settings = _settings(port, scratch, options)
        os.environ.clear()
        os.environ.update(settings)
        tempfile.tempdir = str(scratch)
        sys.stdout.write(f"http://{HOST}:{port}\n")
        sys.stdout.flush()
        # Not asyncio.run: it waits for the loop's threads, and those for polls and functions.
        asyncio.new_event_loop().run_until_complete(_serve(listener, options))
        _end_children()


def _check_version() -> None:
    try:
        found = importlib.metadata.version("ministack")
    except importlib.metadata.PackageNotFoundError:
        found = "none"
    if found != MINISTACK_VERSION:
        raise ServerError(
            f"ministack {MINISTACK_VERSION} is needed, found {found}: "
            "install requirements/local.txt again"
        )


@contextlib.contextmanager
def _listen(port: int) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ServerError(
                    f"port {port} of {HOST} is taken: stop what listens there, or choose another"
                ) from error
            raise ServerError(f"cannot listen on {HOST}:{port}: {error.strerror}") from error
        yield listener


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="easel-emulator-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _settings(port: int, scratch: Path, options: ServerOptions) -> dict[str, str]:
    # Nothing of the caller's environment but what a process needs to run: a Lambda function must
    # see neither the caller's credentials nor his ~/.aws.
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    settings = {
        **kept,
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": options.region,
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        # What ministack takes for the root. A function gets keys of its own in their place.
        "AWS_ACCESS_KEY_ID": options.credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": options.credentials.secret_access_key,
        # Listeners that the local stack does not use; without this line ministack opens
        # 0.0.0.0:8883.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # Containers are never used: functions run as processes of this Python.
        "DOCKER_HOST": f"unix://{scratch}/no-docker.sock",
        "LAMBDA_EXECUTOR": "local",
        "AUTH": "true" if options.enforce_iam else "false",
        "LOG_LEVEL": "WARNING",
    }
    if options.state_dir is not None:
        state = options.state_dir.resolve()
        (state / "s3").mkdir(parents=True, exist_ok=True)
        settings |= {
            "PERSIST_STATE": "1",
            "STATE_DIR": str(state),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(state / "s3"),
        }
    return settings


async def _serve(listener: socket.socket, options: ServerOptions) -> None:
    # Imported here: ministack reads its settings from the environment when it is imported.
    from ministack.app import app  # noqa: PLC0415

    from easel_local.emulator.gatekeeper import guarded  # noqa: PLC0415

    served: ASGIFramework = app
    if options.bridges:
        from easel_local.emulator.bridges import build_bridges  # noqa: PLC0415

        build_bridges(options.kubernetes)
        served = with_china(served)

    if options.calls_path is not None:
        from easel_local.emulator.call_log import record_calls  # noqa: PLC0415

        record_calls(options.calls_path)

    served = guarded(served)
    send_whole_answers()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.graceful_timeout = _GRACE_SECONDS
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    await serve_asgi(_ended_by(stop, served), config, shutdown_trigger=stop.wait)


def _ended_by(stop: asyncio.Event, app: ASGIFramework) -> ASGIFramework:
    """Ends the requests under way at a stop; hypercorn would wait for long polls and functions."""

    async def ended(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        request = asyncio.ensure_future(app(scope, receive, send))
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({request, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if request.done():
                request.result()
        finally:
            request.cancel()
            stopped.cancel()

    return ended


def _end_children() -> None:
    children = psutil.Process().children(recursive=True)
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(children, timeout=_GRACE_SECONDS)
