"""ComfyUI's three folders (output, input, temp), its file numbering, and who may leave them.

Names are made as ``get_save_image_path`` of ComfyUI's folder_paths.py makes them.
"""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KINDS: Final = ("output", "input", "temp")
MODELS_SUBFOLDER: Final = "3d"
"""Below ``input``; a real server makes it when it starts (comfy_extras/nodes_load_3d.py)."""


class OutsideFolderError(Exception):
    """A name leads out of its folder."""


@dataclass
class SavePlace:
    """Where a node saves its files.

    Attributes:
        kind: ``output`` or ``temp``.
        folder: The directory, which exists.
        subfolder: The same, as history lists it.
        stem: What the files' names begin with.
        number: Of the next file.
    """

    kind: str
    folder: Path
    subfolder: str
    stem: str
    number: int

    def save(self, extension: str, data: bytes, batch_number: int = 0) -> dict[str, str]:
        """Save a file under the next number.

        Args:
            extension: Without the dot.
            data: The file.
            batch_number: Stands in the name for ``%batch_num%``.

        Returns:
            ``{filename, subfolder, type}`` as history lists it.

        Raises:
            OSError: As the file system says, of a name that is too long for example.
        """
        stem = self.stem.replace("%batch_num%", str(batch_number))
        filename = f"{stem}_{self.number:05}_.{extension}"
        self.number += 1
        return self.write(filename, data)

    def write(self, filename: str, data: bytes) -> dict[str, str]:
        """Save a file under a name of the node's own; for the rest see ``save``."""
        (self.folder / filename).write_bytes(data)
        return {"filename": filename, "subfolder": self.subfolder, "type": self.kind}


class Folders:
    """The folders of one server."""

    def __init__(self, base: Path | None = None) -> None:
        """Make the folders; ``temp`` is emptied, as a starting server does (main.py).

        Args:
            base: Holds them; None takes a temporary directory.

        Raises:
            OSError: They cannot be made there.
        """
        self._own: tempfile.TemporaryDirectory[str] | None = None
        if base is None:
            self._own = tempfile.TemporaryDirectory(
                prefix="simulated-comfyui-", ignore_cleanup_errors=True
            )
            base = Path(self._own.name)
        self.base = base.resolve()
        shutil.rmtree(self.base / "temp", ignore_errors=True)
        for kind in KINDS:
            (self.base / kind).mkdir(parents=True, exist_ok=True)
        (self.base / "input" / MODELS_SUBFOLDER).mkdir(exist_ok=True)

    def close(self) -> None:
        """Delete them if they are in a temporary directory."""
        if self._own is not None:
            self._own.cleanup()

    def path(self, kind: str, subfolder: str, filename: str = "") -> Path:
        """Where a file lies.

        Args:
            kind: One of ``KINDS``.
            subfolder: Below that folder; "" is the folder itself.
            filename: The file in it; "" is the subfolder itself.

        Raises:
            OutsideFolderError: It would lie outside the folder.
        """
        root = self.base / kind
        path = (root / subfolder / filename).resolve()
        if not path.is_relative_to(root):
            raise OutsideFolderError(f"{subfolder}/{filename} lies outside the {kind} folder")
        return path

    def find(self, annotated_name: str) -> Path | None:
        """The file that a node's input names: ``[subfolder/]name``, ``[kind]`` may follow.

        Returns:
            Its path, or None when there is none. A real server looks outside its folders too.
        """
        found = self._annotated(annotated_name)
        return found if found is not None and os.path.isfile(found) else None  # noqa: PTH113

    def find_directory(self, annotated_name: str) -> Path | None:
        """The same for a directory."""
        found = self._annotated(annotated_name)
        return found if found is not None and os.path.isdir(found) else None  # noqa: PTH112

    def find_from_base(self, name: str) -> Path | None:
        """The file of a path that begins where the server runs, such as ``input/x.mp4``.

        Returns:
            Its path, or None when there is none in any of the folders.
        """
        for kind in KINDS:
            root = self.base / kind
            path = self.base / name
            if path.resolve().is_relative_to(root) and os.path.isfile(path):  # noqa: PTH113
                return path
        return None

    def _annotated(self, annotated_name: str) -> Path | None:
        name, kind = without_annotation(annotated_name)
        try:
            return self.path(kind or "input", "", name)
        except (OutsideFolderError, ValueError):
            return None

    def input_names(self) -> list[str]:
        """The files at the top of ``input``."""
        return sorted(path.name for path in self.path("input", "").iterdir() if path.is_file())

    def input_directories(self) -> list[str]:
        """The directories at the top of ``input``."""
        return sorted(path.name for path in self.path("input", "").iterdir() if path.is_dir())

    def input_models(self, suffixes: frozenset[str]) -> Iterator[str]:
        """The files below ``MODELS_SUBFOLDER`` with those suffixes, from ``input`` on."""
        root = self.path("input", "")
        for path in sorted((root / MODELS_SUBFOLDER).rglob("*")):
            if path.suffix.lower() in suffixes:
                yield path.relative_to(root).as_posix()

    def place(self, kind: str, prefix: str, size: tuple[int, int] = (0, 0)) -> SavePlace:
        """Where a node saves, with the number after the highest one there.

        Args:
            kind: ``output`` or ``temp``.
            prefix: ``filename_prefix``: may begin with subfolders and hold variables.
            size: Of the picture, for ``%width%`` and ``%height%``.

        Raises:
            Exception: The prefix leads out of the folder.
            OSError: The folder cannot be made or read.
        """
        prefix = _filled_in(prefix, size)
        # normpath, as pathlib keeps "..": "a/../b" is saved at the top.
        subfolder, stem = os.path.split(os.path.normpath(prefix))
        try:
            folder = self.path(kind, subfolder)
        except OutsideFolderError as error:
            outside = "**** ERROR: Saving image outside the output folder is not allowed."
            raise Exception(outside) from error  # noqa: TRY002 - what ComfyUI raises
        try:
            names = os.listdir(folder)  # noqa: PTH208 - names are all that is looked at
        except FileNotFoundError:
            folder.mkdir(parents=True)
            names = []
        # The length is the unnormalized prefix's: behind "x/" no name fits, and 1 is taken again.
        length = len(os.path.basename(prefix))  # noqa: PTH119
        numbers = [
            _number(name[length + 1 :]) for name in names if name[: length + 1] == f"{stem}_"
        ]
        return SavePlace(kind, folder, subfolder, stem, max(numbers, default=0) + 1)


def without_annotation(name: str) -> tuple[str, str | None]:
    """Split ``name [kind]`` as folder_paths.py's ``annotated_filepath`` does.

    Returns:
        The name, and the kind if it names one. The character before the bracket is cut off
        whatever it is.
    """
    for kind in KINDS:
        if name.endswith(f"[{kind}]"):
            return name[: -len(kind) - 3], kind
    return name, None


def _filled_in(prefix: str, size: tuple[int, int]) -> str:
    """Put in the variables that the server knows.

    ``%date:yyyy%`` and ``%Node.widget%`` are none: the web page fills them in before it sends
    (Comfy-Org/ComfyUI pull request 6387, Comfy-Org/ComfyUI_frontend pull request 3523), so from
    the API they stay as they are.
    """
    values = {
        "width": str(size[0]),
        "height": str(size[1]),
        **dict(zip(("year", "month", "day", "hour", "minute", "second"), _now(), strict=True)),
    }
    for name, value in values.items():
        prefix = prefix.replace(f"%{name}%", value)
    return prefix


def _now() -> list[str]:
    return time.strftime("%Y %m %d %H %M %S").split()


def _number(rest: str) -> int:
    """The number after a stem; names of another form count as 0 and are not forgotten."""
    digits = rest.split("_", maxsplit=1)[0]
    return int(digits) if re.fullmatch(r"[0-9]{1,18}", digits) else 0
