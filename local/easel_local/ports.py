"""Free ports on the loopback interface."""

import socket

LOOPBACK = "127.0.0.1"


class PortTakenError(Exception):
    """Another process listens on the port that was asked for."""


def free_port(wanted: int = 0) -> int:
    """Returns a port on 127.0.0.1 that nothing listens on.

    Args:
        wanted: the port; 0 lets the system choose.

    Raises:
        PortTakenError: the wanted port is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
        except OSError as error:
            raise PortTakenError(
                f"Port {wanted} on {LOOPBACK} is taken ({error.strerror}). "
                "Stop what listens there, or choose another: make up PORT=<number>."
            ) from error
        port: int = probe.getsockname()[1]
        return port
