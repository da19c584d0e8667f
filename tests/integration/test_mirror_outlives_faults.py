"""Sources that break, lie and push back; targets that break and hold something else."""

import contextlib
import io
import json
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from easel_mirror import retries
from easel_mirror.errors import RefusedError
from easel_mirror.registry import Registries, Registry
from easel_mirror.run import Options, Run
from easel_mirror.spool import Spool
from tests.integration.docker_registry import docker_registry
from tests.integration.mirror_world import (
    OCI,
    CountingProxy,
    descriptor,
    has_blob,
    put_blob,
    put_image,
    put_manifest,
)

pytestmark = pytest.mark.integration

LAYER_BYTES = 3_000_000


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No pauses but those that a registry asks for; nobody's logins."""
    monkeypatch.setattr(retries.random, "uniform", lambda *_: 0.01)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def source(tmp_path: Path) -> Iterator[CountingProxy]:
    (tmp_path / "source").mkdir()
    with docker_registry(tmp_path / "source") as host:
        yield CountingProxy(host)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "target").mkdir()
    with docker_registry(tmp_path / "target") as host:
        yield host


@dataclass
class Outcome:
    """What a call came to."""

    status: int
    said: str
    result: dict[str, Any]

    @property
    def problem(self) -> str:
        return str(self.result["entries"][0]["problem"])


def mirrored(
    tmp_path: Path,
    target: str,
    *references: str,
    copies: bool = True,
    platforms: frozenset[str] = frozenset(),
    sources: Registries | None = None,
) -> Outcome:
    """Runs `easel mirror --image ... --to ...` in this process."""
    options = Options(
        folder=None,
        copies=copies,
        images=references,
        platforms=platforms,
        host=target,
        prefix="copies",
        spool=tmp_path / "spool",
        parallel=4,
        as_json=True,
    )
    said, result = io.StringIO(), io.StringIO()
    console = Console(file=said, width=400)
    with contextlib.redirect_stdout(result):
        status = Run(options, console, threading.Event(), sources).result()
    return Outcome(status, said.getvalue(), json.loads(result.getvalue()))


def copied(way: str, repository: str) -> str:
    return f"copies/{way.replace(':', '-')}/{repository}"


def test_a_cut_download_goes_on_where_it_was_cut(
    source: CountingProxy, target: str, tmp_path: Path
) -> None:
    image = put_image(source.upstream, "a/b", "1", layer_bytes=LAYER_BYTES)
    source.cut_after = dict.fromkeys(image.layers, LAYER_BYTES // 2)
    with source.serving() as way:
        done = mirrored(tmp_path, target, f"{way}/a/b:1")
        assert done.status == 0, done.said
        for digest in image.layers:
            assert has_blob(target, copied(way, "a/b"), digest)
            assert source.blob_bytes[digest] < LAYER_BYTES * 1.1
    assert "broke off" in done.said


def test_a_refused_source_is_left_alone_as_long_as_it_asks(
    source: CountingProxy, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_image(source.upstream, "a/b", "1", platforms=(("linux", "amd64"),))
    source.refusals = [(429, {"Retry-After": "7"}), (503, {}), (429, {"Retry-After": "99999"})]
    waited: list[float] = []
    monkeypatch.setattr("easel_mirror.run._pause", lambda _, seconds: waited.append(seconds))
    with source.serving() as way:
        done = mirrored(tmp_path, target, f"{way}/a/b:1")
    assert done.status == 0, done.said
    assert sorted(waited) == [0.01, 7.0, retries.LONGEST_RETRY_AFTER_SECONDS]


def test_a_broken_byte_is_never_stored(source: CountingProxy, target: str, tmp_path: Path) -> None:
    image = put_image(source.upstream, "a/b", "1", layer_bytes=LAYER_BYTES)
    source.corrupted = {image.layers[0]}
    with source.serving() as way:
        done = mirrored(tmp_path, target, f"{way}/a/b:1")
        assert done.status == 0, done.said
        assert has_blob(target, copied(way, "a/b"), image.layers[0])
    assert "another digest" in done.said


def test_a_source_that_always_lies_is_given_up_and_others_are_copied(
    source: CountingProxy, target: str, tmp_path: Path
) -> None:
    bad = put_image(source.upstream, "a/bad", "1", seed=1)
    good = put_image(source.upstream, "a/good", "1", seed=2)
    source.always_corrupted = {bad.layers[0]}
    with source.serving() as way:
        done = mirrored(tmp_path, target, f"{way}/a/bad:1", f"{way}/a/good:1")
        assert done.status == 1
        first, second = done.result["entries"]
        assert "came with another digest" in first["problem"]
        assert second["is_there"]
        assert not has_blob(target, copied(way, "a/bad"), bad.layers[0])
        assert has_blob(target, copied(way, "a/good"), good.layers[0])


@pytest.mark.parametrize("keeps_halves", [True, False])
def test_a_cut_upload_is_sent_again_without_the_source(
    source: CountingProxy, target: str, tmp_path: Path, keeps_halves: bool
) -> None:
    image = put_image(source.upstream, "a/b", "1", layer_bytes=LAYER_BYTES)
    proxy = CountingProxy(target)
    proxy.cut_uploads, proxy.keeps_halves = 2, keeps_halves
    with source.serving() as way, proxy.serving() as way_in:
        done = mirrored(tmp_path, way_in, f"{way}/a/b:1")
        assert done.status == 0, done.said
        for digest in image.layers:
            assert source.blob_bytes[digest] == LAYER_BYTES
            assert has_blob(target, copied(way, "a/b"), digest)
    patches = [headers for method, _, headers in proxy.requests if method == "PATCH"]
    resumed = [one["Content-Range"] for one in patches if "Content-Range" in one]
    assert len(resumed) == 2 * keeps_halves
    assert set(resumed) <= {f"{LAYER_BYTES // 2}-{LAYER_BYTES - 1}"}


def test_what_two_repositories_want_is_fetched_once(
    source: CountingProxy, target: str, tmp_path: Path
) -> None:
    image = put_image(source.upstream, "a/one", "1", layer_bytes=LAYER_BYTES)
    put_image(source.upstream, "a/two", "1", layer_bytes=LAYER_BYTES)
    with source.serving() as way:
        done = mirrored(tmp_path, target, f"{way}/a/one:1", f"{way}/a/two:1")
        assert done.status == 0, done.said
        for digest in image.layers:
            assert source.blob_bytes[digest] == LAYER_BYTES
            assert has_blob(target, copied(way, "a/two"), digest)


def test_a_plan_changes_nothing_and_counts_bytes(
    source: CountingProxy, target: str, tmp_path: Path
) -> None:
    image = put_image(source.upstream, "a/b", "1")
    with source.serving() as way:
        planned = mirrored(tmp_path, target, f"{way}/a/b:1", copies=False)
        (entry,) = planned.result["entries"]
        assert planned.status == 0
        assert (entry["digest"], entry["missing_bytes"]) == (image.digest, image.bytes)
        assert planned.result["bytes_to_copy"] == image.bytes
        assert not source.fetched
        assert not has_blob(target, copied(way, "a/b"), image.layers[0])
        assert not (tmp_path / "spool").exists()


def test_one_platform_is_copied_alone(source: CountingProxy, target: str, tmp_path: Path) -> None:
    image = put_image(source.upstream, "a/b", "1")
    with source.serving() as way:
        wanted = frozenset({"linux/arm64"})
        done = mirrored(tmp_path, target, f"{way}/a/b:1", platforms=wanted)
        assert done.status == 0, done.said
        there = [has_blob(target, copied(way, "a/b"), digest) for digest in image.layers]
        assert there == [False, False, True, True]
        index = Registry(target).manifest(copied(way, "a/b"), "1")
        assert [child.platform for child in index.children] == ["linux/arm64"]
        again = mirrored(tmp_path, target, f"{way}/a/b:1", platforms=wanted)
        assert again.result["entries"][0]["is_there"]
        none = mirrored(tmp_path, target, f"{way}/a/b:1", platforms=frozenset({"linux/ppc64le"}))
        assert "is for none of linux/ppc64le" in none.problem


def test_a_tag_that_is_another_image_there_stays(
    source: CountingProxy, target: str, tmp_path: Path
) -> None:
    before = put_image(source.upstream, "a/b", "1", seed=1)
    with source.serving() as way:
        assert mirrored(tmp_path, target, f"{way}/a/b:1").status == 0
        put_image(source.upstream, "a/b", "1", seed=2)
        done = mirrored(tmp_path, target, f"{way}/a/b:1")
        assert done.status == 1
        assert before.digest in done.problem
        assert "tags of a mirror do not change" in done.problem
        assert Registry(target).manifest_digest(copied(way, "a/b"), "1") == before.digest


def put_single(host: str, layer_type: str, media_type: str = f"{OCI}.manifest.v1+json") -> str:
    """Stores one image of one layer; returns its digest."""
    config = json.dumps({"os": "linux", "architecture": "amd64"}).encode()
    layer = random.Random(layer_type).randbytes(1000)
    for one in (config, layer):
        put_blob(host, "a/b", one)
    body = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": descriptor(f"{OCI}.config.v1+json", config),
        "layers": [descriptor(layer_type, layer)],
    }
    return put_manifest(host, "a/b", "1", body)


def test_a_layer_that_no_node_could_use_is_refused(
    source: CountingProxy, target: str, tmp_path: Path
) -> None:
    put_single(source.upstream, "application/x-layer")
    with source.serving() as way:
        done = mirrored(tmp_path, target, f"{way}/a/b:1")
    assert done.status == 1
    assert "parts of the types application/x-layer" in done.problem


def test_only_one_run_has_the_spool(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool"), pytest.raises(RefusedError, match="another `easel mirror`"):
        Spool(tmp_path / "spool").__enter__()


def test_what_cannot_be_reached_is_said_beside_what_can(
    source: CountingProxy, target: str, tmp_path: Path
) -> None:
    put_image(source.upstream, "a/b", "1")
    with source.serving() as way:
        unknown, closed = "registry.invalid/x/y:1", "127.0.0.1:1/x/y:1"
        done = mirrored(tmp_path, target, unknown, closed, f"{way}/a/none:1", f"{way}/a/b:1")
        lost, shut, missing, there = done.result["entries"]
    assert done.status == 1
    assert "the host's name cannot be resolved" in lost["problem"]
    assert "no connection can be made" in shut["problem"]
    assert "404" in missing["problem"]
    assert there["is_there"]
