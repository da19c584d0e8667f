"""What stops a verb; each message says what is wrong, where, and what to do."""


class ModelsError(Exception):
    """The verb cannot go on."""


class UsageError(ModelsError):
    """What was asked for cannot be done as it was written."""


class TransferError(ModelsError):
    """A file did not arrive whole; the same command goes on where it ended."""


def together(problems: list[str]) -> UsageError:
    """Makes one error of several problems, a line each."""
    return UsageError(
        "\n  ".join(
            ["these have to be mended first:", *problems] if len(problems) > 1 else problems
        )
    )
