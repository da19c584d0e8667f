"""Names, manifests and sizes of the images that a snapshot is to hold."""

import hashlib
import json
from typing import Any

import pytest

from easel_snapshot.errors import SnapshotError
from easel_snapshot.image_reference import (
    EcrRegistry,
    ImageReference,
    parse_image,
    parse_images,
)
from easel_snapshot.manifests import ResolvedImage, resolve
from easel_snapshot.sizes import compressed_bytes, default_gib, least_gib

pytestmark = pytest.mark.unit

OWN = EcrRegistry("123456789012", "us-east-1")
CHINA = EcrRegistry("123456789012", "cn-northwest-1")
DIGEST = "sha256:" + "ab" * 32
GIB = 1024**3


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("easel/sd-webui:1", "123456789012.dkr.ecr.us-east-1.amazonaws.com/easel/sd-webui:1"),
        ("sd-webui:1", "123456789012.dkr.ecr.us-east-1.amazonaws.com/sd-webui:1"),
        ("public.ecr.aws/a/b:1.0", "public.ecr.aws/a/b:1.0"),
        ("localhost:5000/a:x", "localhost:5000/a:x"),
        ("docker.io/python:3.13", "docker.io/library/python:3.13"),
        (f"ghcr.io/a/b@{DIGEST}", f"ghcr.io/a/b@{DIGEST}"),
    ],
)
def test_a_name_is_read_as_pods_will_use_it(text: str, read: str) -> None:
    assert str(parse_image(text, OWN)) == read


def test_a_repository_of_china_has_chinas_name() -> None:
    read = parse_image("easel/sd-webui:1", CHINA)
    assert read.registry == "123456789012.dkr.ecr.cn-northwest-1.amazonaws.com.cn"
    assert read.ecr == CHINA


@pytest.mark.parametrize(
    "text",
    [
        "",
        "easel/sd-webui",
        f"easel/sd-webui:1@{DIGEST}",
        "Easel/SD:1",
        "a b:1",
        "a:1;reboot",
        "a$(reboot):1",
        "-a:1",
        'a":1',
        "a@sha256:12",
        "x" * 300 + ":1",
        "https://a/b:1",
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(SnapshotError):
        parse_image(text, OWN)


def test_a_list_tells_every_mistake_and_keeps_the_rest() -> None:
    found, wrong = parse_images("a:1, a:1,B:2,c,", OWN)
    assert [image.repository for image in found] == ["a"]
    assert len(wrong) == 2
    assert parse_images(" , ", OWN)[1]


class Registry:
    """A registry in memory, by name and digest."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}

    def put(self, document: dict[str, Any], *names: str) -> str:
        raw = json.dumps(document).encode()
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        self.stored |= dict.fromkeys((digest, *names), raw)
        return digest

    def manifest(self, image: ImageReference, name: str) -> bytes:
        if name not in self.stored:
            raise SnapshotError(f"{image}: none")
        return self.stored[name]

    def blob(self, image: ImageReference, digest: str) -> bytes:
        return self.manifest(image, digest)


def layers(*sizes: int) -> list[dict[str, Any]]:
    return [{"digest": f"sha256:{size:064}", "size": size} for size in sizes]


def single(registry: Registry, architecture: str, *names: str) -> str:
    config = registry.put({"architecture": architecture, "os": "linux"})
    return registry.put({"config": {"digest": config}, "layers": layers(5, 7)}, *names)


IMAGE = parse_image("easel/sd-webui:1", OWN)


def test_of_an_index_the_digest_is_its_own_and_the_layers_the_platforms() -> None:
    registry = Registry()
    entries = [
        {
            "digest": registry.put({"layers": layers(size)}),
            "platform": {"os": system, "architecture": name},
        }
        for system, name, size in (
            ("linux", "arm64", 3),
            ("linux", "amd64", 4),
            ("unknown", "unknown", 5),
        )
    ]
    index = registry.put({"manifests": entries}, "1")
    found = resolve(IMAGE, registry, "x86_64")
    assert found.digest == index
    assert list(found.layers.values()) == [4]
    assert list(resolve(IMAGE, registry, "arm64").layers.values()) == [3]


def test_of_a_single_manifest_the_configuration_tells_the_architecture() -> None:
    registry = Registry()
    digest = single(registry, "amd64", "1")
    assert resolve(IMAGE, registry, "x86_64").digest == digest
    with pytest.raises(
        SnapshotError, match=r"is for amd64, not for arm64: .*--platform linux/arm64"
    ):
        resolve(IMAGE, registry, "arm64")


def test_an_index_without_the_platform_names_those_that_it_has() -> None:
    registry = Registry()
    entry = {"digest": DIGEST, "platform": {"os": "linux", "architecture": "arm64"}}
    registry.put({"manifests": [entry]}, "1")
    with pytest.raises(SnapshotError, match="is for arm64, not for amd64"):
        resolve(IMAGE, registry, "x86_64")


def test_a_manifest_of_another_digest_than_asked_for_is_refused() -> None:
    registry = Registry()
    single(registry, "amd64", DIGEST)
    with pytest.raises(SnapshotError, match="another manifest"):
        resolve(parse_image(f"easel/sd-webui@{DIGEST}", OWN), registry, "x86_64")


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"layers": []},
        {"config": 1, "layers": [{"digest": "sha256:1", "size": 1}]},
        {"manifests": [1]},
        {"manifests": [{"digest": 5}]},
        {"config": {"digest": DIGEST, "size": -1}},
    ],
)
def test_what_is_no_image_is_refused(document: Any) -> None:
    registry = Registry()
    registry.put({"architecture": "amd64"}, DIGEST)
    registry.put(document, "1")
    with pytest.raises(SnapshotError):
        resolve(IMAGE, registry, "x86_64")


def test_a_layer_of_two_images_counts_once() -> None:
    images = [
        ResolvedImage(IMAGE, DIGEST, {"a": 10, "b": 20}),
        ResolvedImage(IMAGE, DIGEST, {"b": 20, "c": 30}),
    ]
    assert compressed_bytes(images) == 60


def test_a_volume_has_room_for_layers_their_contents_and_the_kubelets_limit() -> None:
    assert default_gib(0) == 20
    assert default_gib(GIB // 2) == 20
    assert default_gib(5 * GIB) == 30
    assert default_gib(10 * GIB) == 60
    for size in (0, GIB, 7 * GIB, 40 * GIB):
        assert least_gib(size) < 0.85 * default_gib(size)
