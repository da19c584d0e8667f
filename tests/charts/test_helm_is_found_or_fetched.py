"""A helm on PATH is taken when it is new enough; else the pinned one, and no other file."""

import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from easel_deploy import helm_binary
from easel_deploy.helm_binary import HelmMissingError, find_helm, helm_version

pytestmark = pytest.mark.unit


def put_helm(folder: Path, version: str) -> Path:
    helm = folder / "helm"
    helm.write_text(f"#!/bin/sh\necho {version}\n")
    helm.chmod(0o755)
    return helm


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/bin")
    return folder


def wheel(binary: bytes) -> bytes:
    """As the pinned package nests it."""
    layer, jsii, whole = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(layer, "w") as archive:
        archive.writestr("helm/helm", binary)
    with tarfile.open(fileobj=jsii, mode="w:gz") as archive:
        entry = tarfile.TarInfo("package/lib/layer.zip")
        entry.size = len(layer.getvalue())
        archive.addfile(entry, io.BytesIO(layer.getvalue()))
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("layer/_jsii/layer@2.0.0.jsii.tgz", jsii.getvalue())
    return whole.getvalue()


@pytest.mark.parametrize("version", ["v3.14.0+g1", "v3.19.4+g2", "v4.3.1+g3"])
def test_on_path(path: Path, tmp_path: Path, version: str) -> None:
    helm = put_helm(path, version)
    assert find_helm(tmp_path / "tools") == helm


@pytest.mark.parametrize("version", ["v3.13.9+g1", "v2.17.0", "no version"])
def test_an_old_one_is_passed_over(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    put_helm(path, version)
    package = wheel(b"pinned")
    monkeypatch.setattr(helm_binary, "_PACKAGE_SHA256", hashlib.sha256(package).hexdigest())
    monkeypatch.setattr(helm_binary, "_fetch", lambda: package)
    found = find_helm(tmp_path / "tools")
    assert found.read_bytes() == b"pinned"
    assert os.access(found, os.X_OK)
    # The second time it is there.
    monkeypatch.setattr(helm_binary, "_fetch", lambda: pytest.fail("fetched again"))
    assert find_helm(tmp_path / "tools") == found


def test_more_may_be_asked_for(path: Path, tmp_path: Path) -> None:
    put_helm(path, "v3.19.4+g1")
    pinned = tmp_path / f"helm-{helm_binary.VERSION}"
    pinned.touch()
    assert find_helm(tmp_path, oldest=(4, 1)) == pinned


@pytest.mark.usefixtures("path")
def test_another_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helm_binary, "_fetch", lambda: wheel(b"changed on the way"))
    with pytest.raises(HelmMissingError, match="is not the file that easel expects"):
        find_helm(tmp_path / "tools")
    assert not list(tmp_path.glob("tools/*"))


@pytest.mark.usefixtures("path")
def test_elsewhere_one_is_told_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(HelmMissingError, match=r"install it, https://helm\.sh"):
        find_helm(tmp_path / "tools")


def test_what_is_no_program_has_no_version(tmp_path: Path) -> None:
    assert helm_version(tmp_path / "absent") == (0, 0)
