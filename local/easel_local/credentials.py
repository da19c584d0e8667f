"""The access key of a local stack: random, in a file that only its owner reads.

The file has the form of AWS's own (``AWS_SHARED_CREDENTIALS_FILE``), so that every client finds the
key by itself and none needs it in its environment or arguments:
https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import string
from dataclasses import dataclass, field
from pathlib import Path

from botocore.credentials import SharedCredentialProvider

_ID_ALPHABET = string.ascii_uppercase + "234567"
_ID_LENGTH = 16
_SECRET_BYTES = 30


class CredentialsError(Exception):
    """The file cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class StackCredentials:
    """One access key, of the account's root.

    Attributes:
        path: of the file that holds it.
        access_key_id: AKIA and 16 characters of base32, as IAM's.
        secret_access_key: 40 characters.
    """

    path: Path
    access_key_id: str
    secret_access_key: str = field(repr=False)

    @classmethod
    def made(cls, path: Path) -> StackCredentials:
        """Reads the file; makes it with a random key where it is missing.

        Args:
            path: of the file; its folder is made if missing.

        Raises:
            CredentialsError: others may read it, or there is no key in it.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        key = "AKIA" + "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        text = f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
        partial = path.with_name(f"{path.name}.{key}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            with os.fdopen(os.open(partial, flags, 0o600), "w") as file:
                file.write(text)
            # Whole or not at all, and only where there is none: of two at once, one wins.
            with contextlib.suppress(FileExistsError):
                os.link(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        return cls.read(path)

    @classmethod
    def read(cls, path: Path) -> StackCredentials:
        """Reads the file.

        Raises:
            CredentialsError: it is missing, others may read it, or there is no key in it.
        """
        try:
            status = path.lstat()
        except OSError as error:
            raise CredentialsError(f"{path} cannot be read: {error.strerror}") from error
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
            raise CredentialsError(f"{path} is not a file of yours: remove it, and start anew")
        if status.st_mode & 0o077:
            raise CredentialsError(f"others may read {path}: remove it, and start anew")
        found = SharedCredentialProvider(str(path)).load()
        if found is None or not found.access_key or not found.secret_key:
            raise CredentialsError(f"there is no access key in {path}: remove it, and start anew")
        return cls(path, found.access_key, found.secret_key)

    def keywords(self) -> dict[str, str]:
        """What boto3's clients and sessions take."""
        return {
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
        }
