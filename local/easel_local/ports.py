"""Free ports on the loopback interface."""

import secrets
import socket

from easel_simulators.browsers import LOOPBACK

__all__ = ["LOOPBACK", "PortTakenError", "free_port"]

_CHOSEN = range(20_000, 32_768)
"""Below the ports that Linux gives to outgoing connections (ip_local_port_range, from 32768): one
of those could be taken again before its server listens."""
_TRIES = 200


class PortTakenError(Exception):
    """Another process listens on the port that was asked for."""


def free_port(wanted: int = 0) -> int:
    """Returns a port on 127.0.0.1 that nothing listens on.

    Args:
        wanted: the port; 0 chooses one.

    Raises:
        PortTakenError: the wanted port is taken, or none was found.
    """
    if wanted:
        return _checked(wanted)
    for _ in range(_TRIES):
        try:
            return _checked(secrets.choice(_CHOSEN))
        except PortTakenError:
            continue
    return _checked(0)


def _checked(port: int) -> int:
    """Returns the port, or the system's choice for 0, where nothing listens on it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise PortTakenError(
                f"Port {port} on {LOOPBACK} is taken ({error.strerror}). "
                "Stop what listens there, or choose another: make up PORT=<number>."
            ) from error
        found: int = probe.getsockname()[1]
        return found
