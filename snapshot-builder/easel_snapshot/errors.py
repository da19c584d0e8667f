"""What a person is told when there is no snapshot."""


class SnapshotError(Exception):
    """No snapshot was made; the message says what is wrong, where, and what to do."""


class UnreadableRegistryError(SnapshotError):
    """A registry does not answer, or not to everybody: what is in it is not known."""


class RefusedError(SnapshotError):
    """Nothing was made, because it could not have ended well."""

    def __init__(self, problems: list[str]) -> None:
        """Names everything that is wrong at once.

        Args:
            problems: one sentence each.
        """
        self.problems = problems
        super().__init__(
            "refused, nothing was made:\n" + "\n".join(f"  - {one}" for one in problems)
        )


class TimedOutError(SnapshotError):
    """Something took longer than the time-out."""


class InterruptedBuildError(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP; no Exception, so that nobody takes it for a failure of AWS."""

    def __init__(self, signal_number: int) -> None:
        """Keeps the signal, for the exit status.

        Args:
            signal_number: such as 2 for SIGINT.
        """
        self.signal_number = signal_number
        super().__init__(f"signal {signal_number}")
