"""A host's name -> its addresses, within a time."""

import ipaddress
import socket
import threading
from concurrent.futures import Future
from typing import Any

from easel_egress.addresses import IpAddress


def resolve(host: str, port: int | None, seconds: float) -> list[IpAddress]:
    """Resolves a name.

    Args:
        host: a name or an address.
        port: of the connection; some resolvers look at it.
        seconds: after which nobody waits for the answer any more.

    Returns:
        The addresses, each once, in the order to try them in.

    Raises:
        TimeoutError: there was no answer in time.
        OSError: the name cannot be resolved.
        UnicodeError: the host can be no name.
    """
    # The system's resolver takes no limit and cannot be interrupted: a name server that stays
    # silent would hold a task, or a function that is paid by the second, as long as it likes.
    answer: Future[list[Any]] = Future()
    threading.Thread(
        target=_ask, args=(answer, host, port), name="easel-resolve", daemon=True
    ).start()
    found = answer.result(seconds)
    # A scope ("fe80::1%eth0") names an interface of ours; such an address is never public.
    names = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found)
    return [ipaddress.ip_address(name) for name in names]


def _ask(answer: "Future[list[Any]]", host: str, port: int | None) -> None:
    try:
        answer.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        answer.set_exception(error)
