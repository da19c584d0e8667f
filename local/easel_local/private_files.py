"""Keeps what a local stack writes from the other users of the machine.

Its state holds the API key, in Terraform's state, its outputs, the environment file and the logs.
"""

import os
import stat
from pathlib import Path

_PRIVATE_UMASK = 0o077
_FOLDER_MODE = 0o700


class ForeignFolderError(Exception):
    """The folder for a stack's state belongs to another user; the message says what to do."""


def keep_private(home: Path) -> None:
    """Makes a folder that only this user enters, and every later file and folder the user's own.

    Programs started from here on inherit that: Terraform writes its state like this, too.

    Args:
        home: of the stacks' state; made if missing.

    Raises:
        ForeignFolderError: it belongs to somebody else.
    """
    os.umask(_PRIVATE_UMASK)
    home.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    found = home.stat()
    if found.st_uid != os.geteuid():
        raise ForeignFolderError(
            f"{home} belongs to another user, who could read the stack's API key. "
            "Name a folder of your own with EASEL_HOME."
        )
    # What an earlier version of easel has left open lies behind this door.
    if stat.S_IMODE(found.st_mode) & _PRIVATE_UMASK:
        home.chmod(_FOLDER_MODE)
