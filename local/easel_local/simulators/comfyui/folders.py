"""ComfyUI's three folders (output, input, temp), its file numbering, and who may leave them."""

import re
import tempfile
from pathlib import Path
from typing import Final

KINDS: Final = ("output", "input", "temp")


class OutsideFolderError(Exception):
    """A name leads out of its folder."""


class Folders:
    """The folders of one server, in a temporary directory of their own."""

    def __init__(self) -> None:
        self._root = tempfile.TemporaryDirectory(
            prefix="simulated-comfyui-", ignore_cleanup_errors=True
        )
        for kind in KINDS:
            (Path(self._root.name) / kind).mkdir()

    def close(self) -> None:
        """Delete them."""
        self._root.cleanup()

    def path(self, kind: str, subfolder: str, filename: str = "") -> Path:
        """Where a file lies.

        Args:
            kind: One of ``KINDS``.
            subfolder: Below that folder; "" is the folder itself.
            filename: The file in it; "" is the subfolder itself.

        Raises:
            OutsideFolderError: It would lie outside the folder.
        """
        root = Path(self._root.name).resolve() / kind
        path = (root / subfolder / filename).resolve()
        if not path.is_relative_to(root):
            raise OutsideFolderError(f"{subfolder}/{filename} lies outside the {kind} folder")
        return path

    def find(self, annotated_name: str) -> Path | None:
        """The file that a node's input names: ``[subfolder/]name``, ``[kind]`` may follow.

        Returns:
            Its path, or None when there is none.
        """
        found = re.fullmatch(r"(.*?)(?: \[(input|output|temp)\])?", annotated_name, re.DOTALL)
        name, kind = found.groups() if found else (annotated_name, None)
        try:
            path = self.path(kind or "input", "", name)
        except (OutsideFolderError, ValueError):
            return None
        return path if path.is_file() else None

    def input_names(self) -> list[str]:
        """What the combo box of an uploaded file offers: the files at the top of ``input``."""
        return sorted(path.name for path in self.path("input", "").iterdir() if path.is_file())

    def save(self, kind: str, prefix: str, extension: str, data: bytes) -> dict[str, str]:
        """Save a node's file under the next number of its prefix.

        Numbers go on from the highest one in the folder, whatever the extension.

        Args:
            kind: ``output`` or ``temp``.
            prefix: ``filename_prefix``: may begin with subfolders.
            extension: Without the dot.
            data: The file.

        Returns:
            ``{filename, subfolder, type}`` as history lists it.

        Raises:
            OutsideFolderError: The prefix leads out of the folder.
        """
        subfolder, _, stem = prefix.rpartition("/")
        folder = self.path(kind, subfolder)
        folder.mkdir(parents=True, exist_ok=True)
        pattern = re.compile(rf"{re.escape(stem)}_(\d+)_?\.")
        numbers = [int(m[1]) for path in folder.iterdir() if (m := pattern.match(path.name))]
        filename = f"{stem}_{max(numbers, default=0) + 1:05}_.{extension}"
        (folder / filename).write_bytes(data)
        return {"filename": filename, "subfolder": subfolder, "type": kind}
