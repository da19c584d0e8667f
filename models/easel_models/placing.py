"""Which key a file gets: its folder and its name."""

from collections.abc import Iterator
from pathlib import Path

from easel_models.errors import UsageError
from easel_models.folders import FOLDERS, SAFETENSORS, extension_of, meant_folder, with_extension
from easel_models.kinds import Kind, recognise
from easel_models.safetensors_header import Header, HeaderError, read_header
from easel_models.sources import Source
from easel_models.upscalers import key_of_upscaler

_MAX_KEY_BYTES = 1024 - 128
"""S3's bound, and room for a prefix."""


def header_of(source: Source) -> Header | HeaderError:
    """Reads a source's header, or says why it has none."""
    # Of unknown size is only what streams without a length; its end is not looked at then.
    size = source.size
    try:
        if size is None:
            return HeaderError("has no known size")
        return read_header(source.read_range, size)
    except HeaderError as problem:
        return problem


def place(source: Source, name: str, folder: str | None, key: str | None) -> str:
    """Returns the key of a file, with an extension where it comes without.

    Args:
        source: the file.
        name: its own, without a folder.
        folder: that was asked for; None: the one that its content or its name says.
        key: that was asked for; None: made of folder and name.

    Raises:
        UsageError: no folder can be told, the folder or the key is not allowed, or what should be
            safetensors is none.
    """
    header = header_of(source)
    is_bad = isinstance(header, HeaderError) and source.size is not None
    if is_bad and extension_of(key or name).lower() == SAFETENSORS:
        raise UsageError(f"{source.name} {header}.")
    if key is None and folder is None and (known := key_of_upscaler(name)):
        return known
    if key is None:
        key = f"{folder or _told(source, header)}/{name}"
    return checked_key(with_extension(key, is_safetensors=isinstance(header, Header)))


def checked_key(key: str) -> str:
    """Returns a key that runtimes can find.

    Raises:
        UsageError: its folder is none of the 15, or it is no plain path.
    """
    segments = key.split("/")
    folder = segments[0]
    if len(segments) < 2 or any(one in ("", ".", "..") for one in segments):  # noqa: PLR2004
        raise UsageError(f"{key} is no FOLDER/NAME.")
    if folder not in FOLDERS:
        meant = meant_folder(folder)
        hint = f"write {meant}" if meant else f"there are {', '.join(FOLDERS)}"
        raise UsageError(f"{folder} is no folder of models: {hint}.")
    if not key.isprintable() or "\\" in key or len(key.encode()) > _MAX_KEY_BYTES:
        raise UsageError(f"{key} is no name for a file.")
    return key


def files_below(top: Path, folder: str | None) -> Iterator[tuple[Path, str | None]]:
    """Finds the files of a folder of this machine, each with the key that its place says.

    `models/Lora/a.safetensors` and what lies below a folder that is itself named `Lora` go to
    `Lora/`. Of other files the key is None: it is told by their content.

    Args:
        top: the folder.
        folder: of the bucket that all goes to; None: as above.
    """
    for path in sorted(top.rglob("*")):
        relative = path.relative_to(top)
        # Links could lead out of the folder; hidden files are no models.
        if any(part.startswith(".") for part in relative.parts) or path.is_symlink():
            continue
        if path.is_file():
            yield path, _key_by_place(top, relative, folder)


def _key_by_place(top: Path, relative: Path, folder: str | None) -> str | None:
    if folder:
        return f"{folder}/{relative.as_posix()}"
    if relative.parts[0] in FOLDERS and len(relative.parts) > 1:
        return relative.as_posix()
    own = top.resolve().name
    return f"{own}/{relative.as_posix()}" if own in FOLDERS else None


def _told(source: Source, header: Header | HeaderError) -> str:
    model = recognise(header.shapes) if isinstance(header, Header) else None
    if model and model.folders:
        return model.folders[0]
    why = (
        "its content does not say what it is"
        if model is None or model.kind is Kind.UNKNOWN
        else f"it is a {model}"
    )
    raise UsageError(f"{source.name}: {why}. Say where it goes: --folder, such as --folder Lora.")
