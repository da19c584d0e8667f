"""Makes the list of what a deployment pulls: easel's pins, and what the environment names."""

from dataclasses import replace
from enum import StrEnum

from easel_deploy.pins import pulled
from easel_mirror.chart_repository import tag_of
from easel_mirror.errors import RefusedError
from easel_mirror.reference import Reference, has_host, is_repository
from easel_mirror.settings import ChartSetting, EnvironmentSettings, ImageSetting
from easel_mirror.wanted import GPU_PLATFORM, OwnImage, Wanted, WantedList, copied_name


class Platform(StrEnum):
    """Platform of an image, as its index names it."""

    AMD64 = "linux/amd64"
    ARM64 = "linux/arm64"


PLATFORMS: dict[str, str] = {"x86_64": Platform.AMD64, "arm64": Platform.ARM64}
"""Platforms of images, by what modules/eks-karpenter calls a node's architecture."""

_DEFAULT_ARCHITECTURE = "arm64"
"""Of modules/eks-karpenter's system_nodes; tests/unit/test_mirror_list.py compares them."""

_OCI = "oci://"


def wanted_list(
    settings: EnvironmentSettings, target_host: str, more: tuple[str, ...] = ()
) -> WantedList:
    """Returns what a deployment of an environment pulls.

    Args:
        settings: of the environment.
        target_host: of the registry that is copied into.
        more: references of further images and artifacts.

    Raises:
        RefusedError: names are none; all of them are named.
    """
    entries = _pinned(settings)
    own: list[OwnImage] = []
    problems: list[str] = []
    for image in settings.images:
        try:
            _sort(image, settings, target_host, entries, own)
        except RefusedError as error:
            problems.append(f"{image.owner}: {error}")
    for chart in settings.charts:
        try:
            _add_chart(chart, settings.prefix, target_host, entries)
        except RefusedError as error:
            problems.append(f"{chart.owner}: {error}")
    for reference in more:
        try:
            source = Reference.parse(reference)
            entries.append(_of_reference(reference, source, settings.prefix))
        except RefusedError as error:
            problems.append(str(error))
    problems += [
        f"{one.copied_to}: is no name of a repository"
        for one in entries
        if not is_repository(one.copied_to)
    ]
    if problems:
        raise RefusedError("\n".join(problems))
    return WantedList(tuple(_once(entries)), tuple(own))


def _pinned(settings: EnvironmentSettings) -> list[Wanted]:
    versions = {
        "karpenter_version": settings.karpenter_version,
        "keda_version": settings.keda_version,
    }
    platform = PLATFORMS[settings.architecture or _DEFAULT_ARCHITECTURE]
    entries = []
    for chart in pulled.CHARTS:
        version = versions[chart.setting] or chart.version
        app_version = version if chart.app_version else None
        source = None
        if chart.repository is None:
            source = Reference.parse(f"{chart.reference.removeprefix(_OCI)}:{tag_of(version)}")
        entries.append(
            Wanted(
                f"chart {chart.reference.rpartition('/')[2]}",
                source,
                f"{settings.prefix}/{chart.copied_to}",
                tag_of(version),
                chart=(chart.repository, chart.reference, version) if chart.repository else None,
                app_version=app_version,
            )
        )
    for image in pulled.IMAGES:
        tag = (versions[image.setting] if image.setting else None) or image.tag
        source = replace(Reference.parse(f"{image.repository}:{tag}"), digest=image.digest)
        entries.append(
            Wanted(
                f"image {image.copied_to}",
                source,
                f"{settings.prefix}/{image.copied_to}",
                tag,
                platform=platform if image.on_system_nodes else GPU_PLATFORM,
                # Its digest, which agent/Dockerfile names, is that of all platforms together.
                whole=image.digest is not None,
            )
        )
    return entries


def _sort(
    image: ImageSetting,
    settings: EnvironmentSettings,
    target_host: str,
    entries: list[Wanted],
    own: list[OwnImage],
) -> None:
    name = image.key if has_host(image.repository) else f"{target_host}/{image.key}"
    source = Reference.parse(name)
    if source.host == target_host:
        own.append(OwnImage(image.owner, source.repository, source.wanted))
        return
    entry = _of_reference(f"image of {image.owner}", source, settings.prefix)
    entries.append(
        replace(
            entry,
            platform=GPU_PLATFORM,
            settings_key=None if image.values_file else image.key,
            values_file=image.values_file,
        )
    )


def _add_chart(chart: ChartSetting, prefix: str, target_host: str, entries: list[Wanted]) -> None:
    name = f"chart of {chart.owner}"
    if not chart.repository.startswith(_OCI):
        entries.append(
            Wanted(
                name,
                None,
                f"{prefix}/charts/sd-runtime",
                tag_of(chart.version),
                chart=(chart.repository, "sd-runtime", chart.version),
                settings_key=chart.key,
            )
        )
        return
    text = f"{chart.repository.removeprefix(_OCI)}:{tag_of(chart.version)}"
    source = Reference.parse(text)
    if source.host != target_host:
        entry = _of_reference(name, source, prefix)
        entries.append(replace(entry, settings_key=chart.key))


def _of_reference(name: str, source: Reference, prefix: str) -> Wanted:
    return Wanted(name, source, copied_name(prefix, source), source.tag)


def _once(entries: list[Wanted]) -> list[Wanted]:
    found: dict[tuple[str, str | None], Wanted] = {}
    for entry in entries:
        key = (entry.copied_to, entry.tag or str(entry.source))
        found.setdefault(key, entry)
    return list(found.values())
