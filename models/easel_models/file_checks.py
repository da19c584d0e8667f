"""What can be wrong with the files of a model bucket, by their keys and headers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from easel_models.bucket import StoredFile
from easel_models.findings import CheckedModel, Finding, error, warning
from easel_models.folders import (
    BESIDE_MODELS,
    CHECKPOINTS,
    FOLDERS,
    PICKLED_EXTENSIONS,
    SAFETENSORS,
    Folder,
    Runtime,
    extension_of,
    meant_folder,
)
from easel_models.kinds import Kind, Model, recognise
from easel_models.safetensors_header import Header, HeaderError

_NAMED_AT_MOST = 5


@dataclass(frozen=True)
class ReadFile:
    """A file, and its header where it has one.

    Attributes:
        stored: the object.
        header: None where none was looked for; else what was read, or why it could not be.
    """

    stored: StoredFile
    header: Header | HeaderError | None = None

    @property
    def key(self) -> str:
        """Folder and name."""
        return self.stored.key

    @property
    def folder(self) -> str:
        """First segment of the key; empty for a file in no folder."""
        return self.key.partition("/")[0] if "/" in self.key else ""

    @property
    def extension(self) -> str:
        """In lower case, with its dot."""
        return extension_of(self.key).lower()

    @property
    def model(self) -> Model | None:
        """What the header says."""
        return recognise(self.header.shapes) if isinstance(self.header, Header) else None

    @property
    def is_model(self) -> bool:
        """Whether it is taken for a model, and not for what stands beside one."""
        folder = FOLDERS.get(self.folder)
        return folder is not None and (
            self.extension in folder.extensions or self.extension not in BESIDE_MODELS
        )


def wants_header(key: str) -> bool:
    """Returns whether a key's file should have a safetensors header, or might have one."""
    return extension_of(key).lower() in (SAFETENSORS, ".sft", "")


def checked_models(files: Iterable[ReadFile]) -> list[CheckedModel]:
    """Returns the models, with the runtimes that can load each."""
    return [
        CheckedModel(one.key, one.stored.size, one.model, _runtimes(one, FOLDERS[one.folder]))
        for one in files
        if one.is_model
    ]


def _runtimes(file: ReadFile, folder: Folder) -> tuple[Runtime, ...]:
    if isinstance(file.header, HeaderError):
        return ()
    listing = folder.runtimes(file.extension)
    if file.model is None or file.model.kind is Kind.UNKNOWN:
        return listing
    return tuple(one for one in listing if file.model.runs_on(one))


def place_findings(files: Iterable[ReadFile]) -> Iterator[Finding]:
    """Finds folders and files that no runtime looks at."""
    outside: dict[str, list[str]] = {}
    for one in files:
        if one.folder not in FOLDERS:
            outside.setdefault(one.folder, []).append(one.key)
    for folder, keys in sorted(outside.items()):
        named = _named(keys)
        meant = meant_folder(folder)
        if not folder:
            yield warning(
                "no_folder", named, "in no folder: no runtime sees it", "Put it into its folder."
            )
        elif meant:
            yield error(
                "folder_misspelt",
                f"{folder}/",
                f"no runtime sees it: the folder's name is {meant}",
                f"Move {named} into {meant}/.",
            )
        else:
            yield warning(
                "unknown_folder",
                f"{folder}/",
                f"none of the {len(FOLDERS)} folders that runtimes look into",
                f"Move {named}, or leave it: it does no harm.",
            )


def file_findings(file: ReadFile) -> Iterator[Finding]:
    """Finds what is wrong with one file of the 15 folders."""
    if not file.is_model:
        return
    if file.stored.size == 0:
        yield error("empty", file.key, "is empty", "Upload it again.")
    elif isinstance(file.header, HeaderError) and file.extension:
        yield error("unreadable_header", file.key, str(file.header), "Upload it again.")
    else:
        yield from _name_findings(file, FOLDERS[file.folder])
        yield from _kind_findings(file)


def _name_findings(file: ReadFile, folder: Folder) -> Iterator[Finding]:
    if not file.extension:
        extension = SAFETENSORS if isinstance(file.header, Header) else ".ckpt"
        yield error(
            "no_extension",
            file.key,
            "has no extension: no runtime lists it",
            f"Name it {file.key}{extension}.",
        )
    elif file.extension not in folder.extensions:
        yield warning(
            "extension",
            file.key,
            f"no runtime takes {file.extension} from {folder.name}",
            f"There belong {' '.join(sorted(folder.extensions))}.",
        )
    if file.extension in PICKLED_EXTENSIONS and folder.name == CHECKPOINTS:
        yield warning(
            "pickle",
            file.key,
            "is a pickle: loading one can run code that its author put into it",
            "Take the .safetensors of the same model where there is one.",
        )


def _kind_findings(file: ReadFile) -> Iterator[Finding]:
    model = file.model
    if model is None:
        return
    if model.folders and file.folder not in model.folders:
        yield error(
            "wrong_folder",
            file.key,
            f"is a {model}, and lies where runtimes look for {FOLDERS[file.folder].holds}",
            f"Move it into {model.folders[0]}/.",
        )
    elif model.kind is Kind.DIFFUSION_MODEL:
        yield warning(
            "diffusion_model_only",
            file.key,
            f"is a {model}, without text encoder and VAE: no runtime loads it as a checkpoint",
            "Take the checkpoint that has all three in one file.",
        )


def runtime_findings(
    files: Iterable[ReadFile], runtimes: Mapping[str, tuple[str, str | None]]
) -> Iterator[Finding]:
    """Finds runtimes of the stack that cannot load their model.

    Args:
        files: of the bucket.
        runtimes: type and `model_filename` by the runtime's name.
    """
    checkpoints = {one.key: one for one in files if one.folder == CHECKPOINTS and one.is_model}
    if not checkpoints:
        yield error(
            "no_checkpoints",
            f"{CHECKPOINTS}/",
            "there is none: SD WebUI does not start without this folder",
            "easel models upload CHECKPOINT",
        )
        return
    for name, (kind, filename) in sorted(runtimes.items()):
        if filename is None:
            continue
        found = next(
            (one for one in checkpoints.values() if one.key.endswith(f"/{filename}")), None
        )
        if found is None:
            yield error(
                "model_missing",
                f"{CHECKPOINTS}/{filename}",
                f"is not there, and runtime {name} loads it",
                f"easel models upload {filename}, or set another model_filename.",
            )
        elif found.model and not _can(found.model, kind):
            yield error(
                "model_unfit",
                found.key,
                f"is a {found.model}, which runtime {name} ({kind}) cannot load",
                "Set another model_filename, or another type.",
            )


def _can(model: Model, kind: str) -> bool:
    return kind not in list(Runtime) or model.runs_on(Runtime(kind))


def _named(keys: list[str]) -> str:
    more = len(keys) - _NAMED_AT_MOST
    return ", ".join(keys[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
