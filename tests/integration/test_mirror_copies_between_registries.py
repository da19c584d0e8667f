"""`easel mirror` between two real registries; skopeo and Helm judge what came, not the copier."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from easel_deploy.helm_binary import find_helm
from tests.charts.prerequisites import missing
from tests.integration.docker_registry import docker_registry
from tests.integration.mirror_world import (
    ROOT,
    CountingProxy,
    has_blob,
    mirror_command,
    put_artifact,
    put_image,
    run_mirror,
)

pytestmark = pytest.mark.integration

LAYERS, LAYER_BYTES = 4, 50_000_000
"""Of each of two platforms: 400 MB in all."""

ON_THE_WIRE_BYTES = 8_000_000
"""At most: in sockets' buffers and in the copier's memory when it is killed."""


@pytest.fixture(scope="module")
def skopeo() -> str:
    binary = shutil.which("skopeo")
    if not binary:
        missing("skopeo is not on PATH: apt-get install skopeo")
    return binary


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with docker_registry(tmp_path_factory.mktemp("source")) as host:
        yield host


@pytest.fixture
def target(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "target").mkdir()
    with docker_registry(tmp_path / "target") as host:
        yield host


def inspected(skopeo: str, reference: str) -> str:
    """The digest that skopeo sees."""
    command = [skopeo, "inspect", "--raw", "--tls-verify=false", f"docker://{reference}"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    command = [skopeo, "manifest-digest", "/dev/stdin"]
    return (
        subprocess.run(command, input=raw, check=True, capture_output=True).stdout.decode().strip()
    )


def pulled_whole(skopeo: str, reference: str, folder: Path) -> int:
    """Has skopeo pull all platforms, comparing each digest; returns the bytes."""
    command = [skopeo, "copy", "--all", "--quiet", "--src-tls-verify=false"]
    subprocess.run([*command, f"docker://{reference}", f"dir:{folder}"], check=True)
    return sum(file.stat().st_size for file in folder.iterdir())


def kill_half_way(command: list[str], proxy: CountingProxy, half: int, home: Path) -> None:
    environment = os.environ | {"HOME": str(home), "NO_PROXY": "127.0.0.1"}
    # Slow enough to be in the middle of something when it is killed.
    proxy.bytes_per_second = 12_000_000
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while sum(proxy.blob_bytes.values()) < half:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    proxy.bytes_per_second = None
    time.sleep(0.5)


def test_an_image_of_400_mb_survives_a_kill(
    skopeo: str, source: str, target: str, tmp_path: Path
) -> None:
    image = put_image(source, "library/big", "1.0", layers=LAYERS, layer_bytes=LAYER_BYTES)
    assert image.bytes > 400_000_000
    proxy = CountingProxy(source)
    with proxy.serving() as way:
        command = mirror_command(f"{target}/copies", tmp_path / "spool", f"{way}/library/big:1.0")
        kill_half_way(command, proxy, image.bytes // 2, tmp_path)
        first = dict(proxy.blob_bytes)
        name = f"copies/{way.replace(':', '-')}/library/big"
        whole = {digest for digest in image.layers if has_blob(target, name, digest)}
        half = {digest for digest in first if 0 < first[digest] < LAYER_BYTES} - whole
        assert half, "the kill came between two blobs: nothing was half fetched"
        proxy.forget()
        second = run_mirror(command, tmp_path)
        assert second.returncode == 0, second.stderr
        # Nothing of whole ones; of half ones what was not on the disk.
        assert not whole & proxy.fetched
        for digest in image.layers:
            missing_bytes = LAYER_BYTES - first.get(digest, 0)
            assert proxy.blob_bytes[digest] <= missing_bytes + ON_THE_WIRE_BYTES
        assert sum(proxy.blob_bytes[digest] for digest in half) < LAYER_BYTES * len(half) * 0.9
        ranges = [headers.get("Range", "") for _, _, headers in proxy.requests]
        assert any(one.startswith("bytes=") for one in ranges)
        proxy.forget()
        third = run_mirror(command, tmp_path)
        assert json.loads(third.stdout)["entries"][0]["is_there"]
        assert not proxy.fetched
    copied = f"{target}/{name}:1.0"
    assert (
        inspected(skopeo, copied) == image.digest == inspected(skopeo, f"{source}/library/big:1.0")
    )
    assert pulled_whole(skopeo, copied, tmp_path / "pulled") > image.bytes
    assert not list((tmp_path / "spool").glob("sha256-*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_in_order(
    source: str, target: str, tmp_path: Path, number: signal.Signals
) -> None:
    image = put_image(source, "library/some", "1.0", layer_bytes=2_000_000, seed=8)
    proxy = CountingProxy(source)
    proxy.bytes_per_second = 200_000
    with proxy.serving() as way:
        command = mirror_command(f"{target}/copies", tmp_path / "spool", f"{way}/library/some:1.0")
        environment = os.environ | {"HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"}
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
            deadline = time.monotonic() + 120
            while sum(proxy.blob_bytes.values()) < image.bytes // 10:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.send_signal(number)
            said = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 130
    assert "interrupted: what was fetched is kept" in said
    assert "Traceback" not in said
    assert list((tmp_path / "spool").glob("sha256-*"))


def test_a_chart_and_an_artifact_go_as_they_are(
    skopeo: str, source: str, target: str, tmp_path: Path
) -> None:
    helm = find_helm(ROOT / ".easel" / "tools")
    home = os.environ | {"HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"}
    chart = tmp_path / "x"
    chart.mkdir()
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: x, version: 1.2.3}\n")
    for command in (
        [helm, "package", chart, "--destination", tmp_path],
        [helm, "push", tmp_path / "x-1.2.3.tgz", f"oci://{source}/charts", "--plain-http"],
    ):
        subprocess.run(command, check=True, capture_output=True, env=home)
    artifact = put_artifact(source, "policies/one", "v1")
    command = mirror_command(
        f"{target}/copies",
        tmp_path / "spool",
        f"{source}/charts/x:1.2.3",
        f"{source}/policies/one:v1",
    )
    done = run_mirror(command, tmp_path)
    assert done.returncode == 0, done.stderr
    folder = f"{target}/copies/{source.replace(':', '-')}"
    assert inspected(skopeo, f"{folder}/policies/one:v1") == artifact
    assert inspected(skopeo, f"{folder}/charts/x:1.2.3") == inspected(
        skopeo, f"{source}/charts/x:1.2.3"
    )
    (tmp_path / "pulled").mkdir()
    pull = [helm, "pull", f"oci://{folder}/charts/x", "--version", "1.2.3", "--plain-http"]
    subprocess.run(
        [*pull, "--destination", tmp_path / "pulled"], check=True, capture_output=True, env=home
    )
    assert (tmp_path / "pulled" / "x-1.2.3.tgz").read_bytes() == (
        tmp_path / "x-1.2.3.tgz"
    ).read_bytes()
