"""The exit statuses of easel's programs."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """How a program ended, for the script that called the program."""

    COMPLETED = 0
    FAILED = 1
    USAGE = 2
    """Wrong arguments or settings: the same call fails again."""
    REFUSED = 3
    """The API did not take the request, a look before an apply stopped it, or a person said no."""
    TIMED_OUT = 4
    INTERRUPTED = 130
    """As a shell reports SIGINT: 128 + 2."""
