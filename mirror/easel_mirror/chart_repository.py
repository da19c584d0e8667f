"""Charts of HTTP repositories, as the OCI artifacts that `helm push` makes of them.

The repository: https://helm.sh/docs/topics/chart_repository/ (index.yaml). The artifact:
https://helm.sh/docs/topics/registries/#oci-artifact-and-chart-metadata. It holds no date, so that
the same chart has the same digest each time.
"""

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import yaml

from easel_mirror.errors import MirrorError, RefusedError
from easel_mirror.manifest import OCI_MANIFEST, Descriptor, Manifest
from easel_mirror.reference import is_loopback
from easel_mirror.transport import Transport, address_of, bounded_body, raise_for_status

CONFIG_TYPE = "application/vnd.cncf.helm.config.v1+json"
CONTENT_TYPE = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

_MAX_INDEX_BYTES = 32 * 1024 * 1024
_MAX_CHART_BYTES = 20 * 1024 * 1024
_MAX_DESCRIPTION_BYTES = 1024 * 1024
"""Of Chart.yaml, unpacked."""


@dataclass(frozen=True)
class ChartArtifact:
    """A chart as a registry holds it.

    Attributes:
        manifest: of the artifact.
        contents: its blobs, by their digests.
        described: what is in Chart.yaml.
    """

    manifest: Manifest
    contents: dict[str, bytes]
    described: dict[str, Any]


def fetch_chart(repository: str, name: str, version: str, transport: Transport) -> ChartArtifact:
    """Gets a chart and makes the artifact of it; one attempt.

    Args:
        repository: address of the repository, without index.yaml.
        name: of the chart.
        version: of it, as its index writes it.
        transport: the way there.

    Raises:
        PassingError: it is not reached, or what came is not what the index says.
        RefusedError: it has no such chart, or no whole one.
    """
    what = f"chart {name} {version} of {address_of(repository)}"
    _check_address(repository, what)
    index = _get(f"{repository.rstrip('/')}/index.yaml", transport, _MAX_INDEX_BYTES)
    entry = _entry(index, name, version, what)
    url = urljoin(f"{repository.rstrip('/')}/", str(entry["urls"][0]))
    _check_address(url, what)
    content = _get(url, transport, _MAX_CHART_BYTES)
    digest = str(entry.get("digest") or "").removeprefix("sha256:")
    if digest and hashlib.sha256(content).hexdigest() != digest:
        raise RefusedError(f"{what}: what came is not what its index has the digest of")
    return artifact_of(content, name, version, what)


def artifact_of(content: bytes, name: str, version: str, what: str) -> ChartArtifact:
    """Makes the artifact of a packaged chart.

    Args:
        content: the .tgz.
        name: that it must have.
        version: that it must have.
        what: the chart, for messages.

    Raises:
        RefusedError: it is no such chart.
    """
    described = _described(content, name, what)
    if (described.get("name"), str(described.get("version"))) != (name, version):
        raise RefusedError(f"{what}: is {described.get('name')} {described.get('version')} inside")
    config = json.dumps(described, sort_keys=True, separators=(",", ":"), default=str).encode()
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _described_blob(CONFIG_TYPE, config),
        "layers": [_described_blob(CONTENT_TYPE, content)],
        "annotations": {
            "org.opencontainers.image.title": name,
            "org.opencontainers.image.version": version,
        },
    }
    manifest = Manifest(json.dumps(body, separators=(",", ":")).encode(), OCI_MANIFEST)
    return ChartArtifact(manifest, {_digest(one): one for one in (config, content)}, described)


def blob_of(content: bytes) -> Descriptor:
    """The descriptor of bytes."""
    return Descriptor("application/octet-stream", _digest(content), len(content))


def tag_of(version: str) -> str:
    """A chart version as Helm makes a tag of it: `+` cannot stand there."""
    return version.replace("+", "_")


def _get(url: str, transport: Transport, limit: int) -> bytes:
    with transport.get(url) as response:
        raise_for_status(response, address_of(url))
        return bounded_body(response, address_of(url), limit)


def _entry(index: bytes, name: str, version: str, what: str) -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        versions = yaml.load(index, Loader=loader)["entries"][name]  # noqa: S506 - a safe one
        found = [one for one in versions if str(one["version"]).lstrip("v") == version.lstrip("v")]
        entry: dict[str, Any] = found[0]
        if not isinstance(entry["urls"][0], str):
            raise RefusedError(f"{what}: its index gives no address")
    except yaml.YAMLError as error:
        raise RefusedError(f"{what}: its index.yaml is no YAML") from error
    except (KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise RefusedError(f"{what}: its index.yaml does not have it") from error
    return entry


def _described(content: bytes, name: str, what: str) -> dict[str, Any]:
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            file = archive.extractfile(f"{name}/Chart.yaml")
            if file is None:
                raise RefusedError(f"{what}: {name}/Chart.yaml in it is no file")
            described = yaml.safe_load(file.read(_MAX_DESCRIPTION_BYTES))
    except MirrorError:
        raise
    except (tarfile.TarError, OSError, EOFError, KeyError, yaml.YAMLError, RecursionError) as error:
        raise RefusedError(f"{what}: is no packaged chart with a {name}/Chart.yaml") from error
    if not isinstance(described, dict):
        raise RefusedError(f"{what}: {name}/Chart.yaml is no mapping")
    return described


def _check_address(url: str, what: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.netloc)):
        raise RefusedError(f"{what}: {address_of(url)} is not https")


def _described_blob(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
