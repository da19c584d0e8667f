"""``python -m tests.aws_proxy``: serves until SIGTERM or SIGINT."""

import argparse
import asyncio
import signal
import sys
from urllib.parse import urlsplit

from easel_local.ports import LOOPBACK
from tests.aws_proxy.control import MAX_DELAY_SECONDS, Control, ProxyState
from tests.aws_proxy.server import ConnectionPool, Forwarder, ProxyServer


def _upstream(text: str) -> tuple[str, int]:
    url = urlsplit(text)
    if url.scheme != "http" or url.hostname is None or url.port is None:
        raise argparse.ArgumentTypeError(f"{text} is not of the form http://<host>:<port>")
    return url.hostname, url.port


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= MAX_DELAY_SECONDS:
        raise argparse.ArgumentTypeError(f"must be 0 to {MAX_DELAY_SECONDS:g} seconds")
    return value


async def _run(upstream: tuple[str, int], port: int, delay_seconds: float) -> None:
    state = ProxyState(delay_seconds=delay_seconds)
    server = ProxyServer(Forwarder(state, ConnectionPool(*upstream)), Control(state))
    listening = await server.listen(LOOPBACK, port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    print(f"http://{LOOPBACK}:{listening.sockets[0].getsockname()[1]}", flush=True)
    await stop.wait()
    listening.close()


def main() -> int:
    """Serves; the first line on standard output is the URL.

    Returns:
        The exit status: 0 after a signal, 1 where the port cannot be had.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.aws_proxy",
        description="A slow and faulty way to the AWS emulator.",
    )
    parser.add_argument("--upstream", type=_upstream, required=True, help="the emulator's URL")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument(
        "--delay", type=_seconds, default=0.0, help="seconds added to every call (%(default)s)"
    )
    options = parser.parse_args()
    try:
        asyncio.run(_run(options.upstream, options.port, options.delay))
    except OSError as error:
        print(
            f"aws_proxy: cannot listen on {LOOPBACK}:{options.port}: {error.strerror}; "
            "choose another --port",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
