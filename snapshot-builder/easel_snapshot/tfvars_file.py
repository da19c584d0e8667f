"""Reads a terraform.tfvars, changes it where it stands, and writes it whole or not at all."""

import os
import subprocess
import tempfile
from pathlib import Path
from shutil import which

from easel_snapshot.errors import SnapshotError
from easel_snapshot.hcl_objects import Attribute

_LARGEST_FILE = 1024 * 1024
_FORMAT_SECONDS = 20


def with_member(text: str, parent: Attribute, member: str) -> str:
    """Returns the file with a member behind an object's last one, or alone in an empty object.

    Args:
        text: of the file.
        parent: the object, as `read_attributes` found it in that text.
        member: `name = value`, as HCL.
    """
    members = list(parent.members.values())
    if not members:
        end = parent.value_end - 1
        return f"{text[:end].rstrip(' ')} {member} {text[end:]}"
    last = members[-1]
    line = text[text.rfind("\n", 0, last.start) + 1 : last.start]
    if line.strip():  # behind another one, or behind the brace, in the same line
        return f"{text[: last.value_end]}, {member}{text[last.value_end :]}"
    end = last.value_end
    comma = "," if text[end : end + 1] == "," else ""
    rest = text.find("\n", end)
    rest = len(text) if rest < 0 else rest
    return f"{text[:rest]}\n{line}{member}{comma}{text[rest:]}"


def read_tfvars(path: Path) -> str:
    """Returns the file's text.

    Raises:
        SnapshotError: the file cannot be read, is no text, or is larger than 1 MiB.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise SnapshotError(f"{path} is too large for a terraform.tfvars")
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SnapshotError(f"{path} is not text in UTF-8") from error


def write_tfvars(path: Path, before: str, after: str) -> None:
    """Writes the file, whole or not at all; in Terraform's format where it was so before.

    Args:
        path: the file; a link stays a link.
        before: text that the file has now.
        after: text that it shall have.

    Raises:
        SnapshotError: the file cannot be written.
    """
    try:
        _replace(path, _formatted_as_before(before, after))
    except OSError as error:
        raise SnapshotError(f"{path} cannot be written: {error.strerror}") from error


def _replace(path: Path, text: str) -> None:
    target = path.resolve()  # a link stays a link
    mode = target.stat().st_mode
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(name).chmod(mode)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _formatted_as_before(before: str, after: str) -> str:
    """In Terraform's format where the file was so; a person's own alignment is left alone."""
    terraform = which("terraform")
    if terraform is None or _formatted(terraform, before) != before:
        return after
    return _formatted(terraform, after) or after


def _formatted(terraform: str, text: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - found on PATH, fixed arguments
            [terraform, "fmt", "-"],
            input=text.encode(),
            capture_output=True,
            timeout=_FORMAT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode()
