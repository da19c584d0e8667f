"""The chart can be served from an OCI registry and from a plain HTTP server (R35)."""

import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from easel_local.ports import free_port
from tests.charts.helm import CHART, Helm, Values
from tests.charts.prerequisites import missing
from tests.rigs.http_server import files_of, http_server

pytestmark = pytest.mark.integration

VERSION = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]


START_SECONDS = 20


def until_it_answers(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.fixture(scope="module")
def package(helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    helm.run("package", CHART, "--destination", folder)
    return folder / f"sd-runtime-{VERSION}.tgz"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real OCI registry, Debian's docker-registry, on 127.0.0.1."""
    binary = shutil.which("docker-registry")
    if not binary:
        missing("docker-registry is not on PATH: apt-get install docker-registry")
    folder = tmp_path_factory.mktemp("registry")
    port = free_port()
    config = folder / "config.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "version": "0.1",
                "log": {"level": "error"},
                "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
                "http": {"addr": f"127.0.0.1:{port}"},
            }
        )
    )
    with subprocess.Popen([binary, "serve", config], stderr=subprocess.DEVNULL) as process:
        try:
            until_it_answers(f"http://127.0.0.1:{port}/v2/")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture
def folder_server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    with http_server(files_of(tmp_path)) as url:
        yield url, tmp_path


def test_through_an_oci_registry(
    helm: Helm, sdwebui: Values, package: Path, registry: str, tmp_path: Path
) -> None:
    # As ECR in China has it: a repository below a folder.
    folder = f"oci://{registry}/easel/charts"
    helm.run("push", package, folder, "--plain-http")
    reference = f"{folder}/sd-runtime"
    helm.run(*("pull", reference, "--version", VERSION, "--plain-http", "--destination", tmp_path))
    pulled = tmp_path / package.name
    assert pulled.read_bytes() == package.read_bytes()
    assert helm.render(sdwebui, chart=pulled) == helm.render(sdwebui)


def test_through_a_plain_http_server(
    helm: Helm, sdwebui: Values, package: Path, folder_server: tuple[str, Path]
) -> None:
    url, folder = folder_server
    shutil.copy(package, folder)
    helm.run("repo", "index", folder, "--url", url)
    manifests = helm.render(sdwebui, "--repo", url, "--version", VERSION, chart="sd-runtime")
    assert manifests == helm.render(sdwebui)


def test_the_package_holds_what_is_needed_and_no_more(package: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(package, tmp_path)
    found = {path.name for path in (tmp_path / "sd-runtime").iterdir()} - {".helmignore"}
    # By the table of instance types the templates check those of a runtime's nodes.
    files = {"Chart.yaml", "README.md", "instance-types.json", "values.schema.json", "values.yaml"}
    assert found == files | {"templates"}
