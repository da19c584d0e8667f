"""Why something cannot be mirrored; each message is for a person."""


class MirrorError(Exception):
    """Something cannot be mirrored; the message says what, where, and what to do."""


class RefusedError(MirrorError):
    """Another try would end the same way: a registry said no, or what it holds cannot be copied."""


class NotThereError(RefusedError):
    """A registry has no such manifest, blob or repository."""


class PassingError(MirrorError):
    """The network or a registry failed in a way that passes.

    Attributes:
        retry_after_seconds: how long the registry asked to be left alone; None: it did not say.
    """

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class StoppedError(MirrorError):
    """The run was interrupted, or another part of it failed for good."""
