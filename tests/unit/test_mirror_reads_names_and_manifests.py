"""What `easel mirror` takes for a name, a manifest, a chart, a pause."""

import io
import json
import tarfile
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from easel_mirror.chart_repository import artifact_of
from easel_mirror.credentials import DockerLogins
from easel_mirror.errors import MirrorError, PassingError, RefusedError
from easel_mirror.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest, platform_of
from easel_mirror.reference import Reference
from easel_mirror.retries import Patience, patiently, retry_after_seconds
from easel_mirror.spool import Spool
from easel_mirror.wanted import copied_name

pytestmark = pytest.mark.unit

DIGEST = f"sha256:{1:064x}"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@pytest.mark.parametrize(
    ("text", "host", "repository", "wanted"),
    [
        ("python:3.13", "docker.io", "library/python", "3.13"),
        ("index.docker.io/me/x:1", "docker.io", "me/x", "1"),
        ("ghcr.io/a/b-c:v1.0_2", "ghcr.io", "a/b-c", "v1.0_2"),
        ("localhost:5000/x:1", "localhost:5000", "x", "1"),
        (f"ghcr.io/a/b:1@{DIGEST}", "ghcr.io", "a/b", DIGEST),
        ("me/x:1", "docker.io", "me/x", "1"),
    ],
)
def test_names_are_read_as_docker_reads_them(
    text: str, host: str, repository: str, wanted: str
) -> None:
    read = Reference.parse(text)
    assert (read.host, read.repository, read.wanted) == (host, repository, wanted)


@pytest.mark.parametrize(
    "text",
    [
        "ghcr.io/a/b",
        "ghcr.io/A/b:1",
        "ghcr.io/a//b:1",
        "ghcr.io/../b:1",
        "ghcr.io/a/b:1@sha512:00",
        "ghcr.io/a/b:-1",
        "https://ghcr.io/a/b:1",
        "ghcr.io/a/b:1\x1b[2J",
        "me@ghcr.io/a/b:1",
        "",
        f"ghcr.io/{'a' * 256}:1",
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(RefusedError):
        Reference.parse(text)


def test_two_registries_do_not_share_a_copy() -> None:
    names = {
        copied_name("easel", Reference.parse(f"{host}/a/b:1")) for host in ("ghcr.io", "quay.io")
    }
    assert names == {"easel/ghcr.io/a/b", "easel/quay.io/a/b"}
    assert copied_name("easel", Reference.parse("x:5/a:1")) == "easel/x-5/a"


def described(media_type: str = LAYER, digest: Any = DIGEST, size: Any = 5) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest, "size": size}


def image(**more: Any) -> dict[str, Any]:
    body = {"schemaVersion": 2, "config": described(CONFIG), "layers": [described()]}
    return {"mediaType": OCI_MANIFEST} | body | more


def read(body: Any, content_type: str = OCI_MANIFEST) -> Manifest:
    return Manifest.read(json.dumps(body).encode(), content_type, "here")


def test_a_manifest_stays_its_bytes() -> None:
    content = json.dumps(image(), indent=7).encode()
    assert Manifest.read(content, f"{OCI_MANIFEST}; charset=utf-8", "here").content == content


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        ([], OCI_MANIFEST, "no JSON object"),
        (image(mediaType=OCI_INDEX), OCI_MANIFEST, "calls itself"),
        (image(manifests=[]), OCI_MANIFEST, "calls itself"),
        ({"mediaType": OCI_INDEX, "layers": []}, OCI_INDEX, "has layers"),
        (
            {"schemaVersion": 1, "layers": []},
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            "unknown type",
        ),
        ({"layers": []}, "text/html", "unknown type 'text/html'"),
        (image(layers="x"), OCI_MANIFEST, "names nothing"),
        (image(layers=[described()] * 1001), OCI_MANIFEST, "over 1000"),
        (image(layers=[7]), OCI_MANIFEST, "lacks a descriptor"),
        (image(layers=[described(digest="sha512:0")]), OCI_MANIFEST, "is no SHA-256"),
        (image(layers=[described(digest=["x"])]), OCI_MANIFEST, "is no SHA-256"),
        (image(layers=[described(size=-1)]), OCI_MANIFEST, "ECR takes at most"),
        (image(layers=[described(size=10**12)]), OCI_MANIFEST, "ECR takes at most"),
        (image(layers=[described(size=True)]), OCI_MANIFEST, "ECR takes at most"),
        (image(layers=[described("")]), OCI_MANIFEST, "no media type"),
        (
            image(layers=[described("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")]),
            OCI_MANIFEST,
            "Windows",
        ),
        (
            {"mediaType": OCI_INDEX, "manifests": [described("application/x-list")]},
            OCI_INDEX,
            "application/x-list",
        ),
    ],
)
def test_what_is_no_manifest_is_refused(body: Any, content_type: str, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        read(body, content_type)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(RefusedError, match="no JSON"):
        Manifest.read(content, OCI_MANIFEST, "here")


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ({"os": "linux", "architecture": "amd64"}, "linux/amd64"),
        ({"os": "linux", "architecture": "arm64", "variant": "v8"}, "linux/arm64"),
        ({"os": "linux", "architecture": "arm", "variant": "v7"}, "linux/arm/v7"),
        ({"os": "unknown", "architecture": "unknown"}, None),
        ({"os": ["linux"], "architecture": "amd64"}, None),
        (None, None),
    ],
)
def test_platforms_are_read(platform: Any, expected: str | None) -> None:
    assert platform_of(platform) == expected


def test_a_smaller_index_keeps_what_attests_to_its_images() -> None:
    def child(number: int, architecture: str, **annotations: str) -> dict[str, Any]:
        return described(OCI_MANIFEST, f"sha256:{number:064x}") | {
            "platform": {"os": "linux", "architecture": architecture},
            "annotations": annotations,
        }

    def attestation(number: int, of: int) -> dict[str, Any]:
        mark = {"vnd.docker.reference.digest": f"sha256:{of:064x}"}
        return child(number, "unknown", **mark)

    children = [child(1, "amd64"), child(2, "arm64"), attestation(3, 1), attestation(4, 2)]
    whole = read({"mediaType": OCI_INDEX, "manifests": children}, OCI_INDEX)
    some = whole.only(frozenset({"linux/amd64"}))
    assert [int(one.digest[7:], 16) for one in some.children] == [1, 3]
    assert some.digest != whole.digest


def packaged(described_as: str, name: str = "x/Chart.yaml") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(described_as)
        archive.addfile(entry, io.BytesIO(described_as.encode()))
    return out.getvalue()


def test_a_chart_has_one_digest() -> None:
    content = packaged("{apiVersion: v2, name: x, version: 1.0.0, appVersion: 2.0}")
    first, second = (artifact_of(content, "x", "1.0.0", "chart x") for _ in range(2))
    assert first.manifest.digest == second.manifest.digest
    assert content in first.contents.values()
    assert read(json.loads(first.manifest.content)).blobs


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no tar", "no packaged chart"),
        (packaged("x", "y/Chart.yaml"), "no packaged chart"),
        (packaged("{name: y, version: 1.0.0}"), "is y 1.0.0 inside"),
        (packaged("{name: x, version: 1.0.1}"), "is x 1.0.1 inside"),
        (packaged("[1]"), "no mapping"),
        (packaged("!!python/object/apply:os.system [false]"), "no packaged chart"),
    ],
)
def test_what_is_no_such_chart_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        artifact_of(content, "x", "1.0.0", "chart x")


# -- trying again -------------------------------------------------------------------------------


def failing(times: int, error: PassingError) -> Any:
    left = [times]

    def act() -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise error
        return "done"

    return act


def test_pauses_grow_and_end() -> None:
    waited: list[float] = []
    patience = Patience(sleep=waited.append)
    with pytest.raises(PassingError):
        patiently(patience, failing(9, PassingError("x")))
    assert len(waited) == patience.attempts - 1
    for number, pause in enumerate(waited):
        assert 2**number / 2 <= pause <= 2**number


def test_attempts_that_gain_bytes_do_not_count() -> None:
    gained = iter(range(100))
    patience = Patience(sleep=lambda _: None)
    act = failing(50, PassingError("x"))
    assert patiently(patience, act, gained=lambda: next(gained)) == "done"


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after_seconds("7") == 7.0
    later = datetime.now(UTC) + timedelta(seconds=90)
    assert 80 < (retry_after_seconds(format_datetime(later)) or 0) <= 90
    assert retry_after_seconds("Thu, 01 Jan 1970 00:00:00 GMT") == 0.0
    assert retry_after_seconds("soon") is None
    assert retry_after_seconds(None) is None


# -- spool and logins ---------------------------------------------------------------------------


def test_a_spool_file_of_another_blob_is_begun_anew(tmp_path: Path) -> None:
    blob = Descriptor(LAYER, DIGEST, 3)
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / DIGEST.replace(":", "-")).write_bytes(b"longer than it")
    with Spool(tmp_path / "spool") as spool:
        file = spool.file(blob)
        file.open()
        assert file.written == 0
        with pytest.raises(RefusedError, match="longer than 3 bytes"):
            file.write(b"four")
        file.write(b"abc")
        with pytest.raises(PassingError, match="another digest"):
            file.verify()
        assert file.written == 0
        file.remove()


def test_a_spool_file_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    with Spool(tmp_path / "spool") as spool:
        (tmp_path / "spool" / DIGEST.replace(":", "-")).symlink_to(tmp_path / "mine")
        with pytest.raises(RefusedError):
            spool.file(Descriptor(LAYER, DIGEST, 3)).open()
    assert (tmp_path / "mine").read_bytes() == b"mine"


def test_dockers_logins_are_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    assert DockerLogins(path).of("ghcr.io") is None
    auths = {
        "ghcr.io": {"auth": "bWU6b2Y6bWluZQ=="},
        "https://index.docker.io/v1/": {"auth": "YTpi"},
    }
    path.write_text(json.dumps({"auths": auths, "credsStore": "desktop"}))
    login = DockerLogins(path).of("ghcr.io")
    assert login is not None
    assert (login.username, login.password) == ("me", "of:mine")
    assert DockerLogins(path).of("docker.io") is not None
    assert DockerLogins(path).of("quay.io") is None
    for broken in ("{", '{"auths": {"ghcr.io": {"auth": "!"}}}'):
        path.write_text(broken)
        with pytest.raises(MirrorError) as error:
            DockerLogins(path).of("ghcr.io")
        assert "bWU6" not in str(error.value)
