"""What can be wrong with a model bucket itself, and with how much is in it."""

from collections.abc import Iterator, Sequence

from easel_models.bucket import Settings, StoredFile
from easel_models.findings import Finding, error, warning

GIB = 2**30

RUNTIME_MEMORY_GIB = 11
"""Memory limit of a runtime's container in charts/sd-runtime/values.yaml."""

_UNREADABLE = "these credentials may not read it"


def setting_findings(
    url: str, settings: Settings, region: str, kms_key: str | None
) -> Iterator[Finding]:
    """Finds settings under which a stack's runtimes cannot read it, or others can.

    Args:
        url: of the bucket.
        settings: of the bucket.
        region: of the stack.
        kms_key: `model_kms_key_arn` of the stack, where it has one.
    """
    if settings.region != region:
        yield error(
            "wrong_region",
            url,
            f"is in {settings.region}, and the stack in {region}",
            f"Make a bucket in {region}: from elsewhere each load is slow and costs transfer.",
        )
    if settings.public_policy:
        yield error("public", url, "its policy lets the public in", "Take that statement away.")
    if settings.blocks_public is False:
        yield warning(
            "public_not_blocked",
            url,
            "not all of S3's blocks of public access are on",
            f"aws s3api put-public-access-block --bucket {url.split('/')[2]} "
            "--public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,"
            "BlockPublicPolicy=true,RestrictPublicBuckets=true",
        )
    yield from _encryption_findings(url, settings, kms_key)
    yield from _unread_findings(url, settings)


def _unread_findings(url: str, settings: Settings) -> Iterator[Finding]:
    unread = [
        name
        for name, value in (
            ("policy status", settings.public_policy),
            ("blocks of public access", settings.blocks_public),
            ("versioning", settings.versioned),
        )
        if value is None
    ]
    if unread:
        yield warning("unread", url, f"{', '.join(unread)}: {_UNREADABLE}", "Ask the account.")


def _encryption_findings(url: str, settings: Settings, kms_key: str | None) -> Iterator[Finding]:
    if settings.encryption is None:
        yield warning(
            "encryption",
            url,
            "no default encryption is set, or these credentials may not read it",
            "S3 encrypts new objects with its own keys; a bucket from before 2023 may hold others.",
        )
    if settings.kms_key and settings.kms_key != kms_key:
        yield warning(
            "kms_key",
            url,
            f"encrypts with KMS key {settings.kms_key}",
            "Runtimes need the right to decrypt: set model_kms_key_arn to the key's ARN.",
        )


def size_findings(
    files: Sequence[StoredFile], volume_gib: float | None, memory_gib: float
) -> Iterator[Finding]:
    """Finds what is larger than the room that it is given.

    Args:
        files: of the bucket.
        volume_gib: of the volume that models are kept on, where there is one: Mountpoint's cache
            (`models.s3.cache.sizeLimit`), a claim. None: none is.
        memory_gib: that a runtime's container may take.
    """
    total = sum(file.size for file in files)
    if volume_gib is not None and total > volume_gib * GIB:
        yield error(
            "too_large",
            f"{len(files)} files",
            f"take {total / GIB:.1f} GiB, and the volume has {volume_gib:g}",
            "Make it larger, or remove models.",
        )
    for file in files:
        if file.size > memory_gib * GIB:
            yield warning(
                "over_memory",
                file.key,
                f"has {file.size / GIB:.1f} GiB, and a runtime may take {memory_gib:g} of memory",
                "SD WebUI reads a model into memory: raise runtime.resources.limits.memory.",
            )
