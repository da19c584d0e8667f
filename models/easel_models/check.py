"""`easel models check`: looks at all of a bucket and reports all that is wrong with it."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from easel_models.bucket import ModelBucket, StoredFile
from easel_models.bucket_checks import RUNTIME_MEMORY_GIB, setting_findings, size_findings
from easel_models.file_checks import (
    ReadFile,
    checked_models,
    file_findings,
    place_findings,
    runtime_findings,
    wants_header,
)
from easel_models.findings import CheckedUpscaler, Finding, Report, Severity, error, warning
from easel_models.folders import Runtime
from easel_models.safetensors_header import HeaderError, read_header
from easel_models.upscalers import UPSCALERS, Upscaler

_READERS = 4
"""Headers that are read at once: one may take 100 MB, and more as Python objects."""


@dataclass(frozen=True)
class Expectations:
    """What a bucket has to fit.

    Attributes:
        region: of the stack.
        runtimes: type and `model_filename` by the runtime's name.
        kms_key: `model_kms_key_arn` of the stack.
        volume_gib: of the volume that models are kept on; None: there is none.
        memory_gib: that a runtime may take.
        upscalers: names of upscalers that must be there.
    """

    region: str
    runtimes: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    kms_key: str | None = None
    volume_gib: float | None = None
    memory_gib: float = RUNTIME_MEMORY_GIB
    upscalers: frozenset[str] = frozenset()


def check(bucket: ModelBucket, expected: Expectations) -> Report:
    """Looks at a bucket.

    Raises:
        ModelsError: there is no such bucket, or it is somebody else's.
        botocore.exceptions.ClientError: its objects cannot be listed or read.
    """
    settings = bucket.settings()
    stored = sorted(bucket.files(), key=lambda one: one.key)
    with ThreadPoolExecutor(_READERS) as readers:
        files = list(readers.map(partial(_read, bucket), stored))
    upscalers, of_upscalers = _upscalers(files, expected.upscalers)
    findings = [
        *setting_findings(bucket.url, settings, expected.region, expected.kms_key),
        *runtime_findings(files, expected.runtimes),
        *place_findings(files),
        *(finding for one in files for finding in file_findings(one)),
        *size_findings(stored, expected.volume_gib, expected.memory_gib),
        *of_upscalers,
    ]
    findings.sort(key=lambda one: one.severity is not Severity.ERROR)
    return Report(bucket.url, settings.region, checked_models(files), upscalers, findings)


def _read(bucket: ModelBucket, file: StoredFile) -> ReadFile:
    unread = ReadFile(file)
    # What lies beside models (README, LICENSE) may have no extension, either.
    if not unread.is_model or not wants_header(file.key) or file.size == 0:
        return unread
    try:
        return ReadFile(file, read_header(partial(bucket.read, file.key), file.size))
    except HeaderError as problem:
        return ReadFile(file, problem)


def _upscalers(
    files: Sequence[ReadFile], required: frozenset[str]
) -> tuple[list[CheckedUpscaler], list[Finding]]:
    keys = {one.key for one in files}
    folders = {one.folder for one in files}
    states: list[CheckedUpscaler] = []
    findings: list[Finding] = []
    for upscaler in UPSCALERS:
        state = _state(upscaler, keys, folders)
        states.append(
            CheckedUpscaler(upscaler.name, state, tuple(one.keys[0] for one in upscaler.files))
        )
        if state != _MISSING and (upscaler.name not in required or state != _FETCHED):
            continue
        findings += _missing(upscaler, keys, is_required=upscaler.name in required)
    return states, findings


_BUILT_IN, _THERE, _FETCHED, _MISSING = (
    "built in",
    "in the bucket",
    "fetched by SD WebUI",
    "missing",
)


def _state(upscaler: Upscaler, keys: set[str], folders: set[str]) -> str:
    if not upscaler.files:
        return _BUILT_IN
    if not upscaler.missing(keys):
        return _THERE
    # It fetches into the folder of the models, where the bucket's is read-only.
    if upscaler.is_fetched and upscaler.folder not in folders:
        return _FETCHED
    return _MISSING


def _missing(upscaler: Upscaler, keys: set[str], *, is_required: bool) -> Iterator[Finding]:
    make = error if is_required else warning
    for file in upscaler.missing(keys):
        source = f" {file.url}" if file.url else ""
        yield make(
            "upscaler_missing",
            upscaler.name,
            f"{Runtime.SDWEBUI} cannot use it: {file.keys[0]} is not there",
            f"easel models upload{source or ' FILE'} --as '{file.keys[0]}'",
        )
