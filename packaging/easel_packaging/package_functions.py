"""Packs the zip of all functions: `python -m easel_packaging.package_functions {aws,local} ZIP`.

The same input gives the same bytes on every machine: files are stored in order, with one date and
one mode, and uncompressed, because zlib's output differs between its builds.
"""

import argparse
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_REQUIREMENTS = _ROOT / "requirements" / "lambda.txt"
_PACKAGES = (
    _ROOT / "contract" / "easel_contract",
    _ROOT / "records" / "easel_records",
    _ROOT / "egress" / "easel_egress",
    _ROOT / "lambda" / "easel_http",
    _ROOT / "lambda" / "easel_intake",
    _ROOT / "lambda" / "easel_probe",
    _ROOT / "lambda" / "easel_reader",
    _ROOT / "lambda" / "easel_webhook",
)

AWS_PYTHON = "3.13"
"""The runtime that modules/api-fanout declares; a test keeps the two alike."""

# Lambda's python3.13 is Amazon Linux 2023 with glibc 2.34.
_AWS_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_FILE_MODE = 0o100644 << 16
# What pip writes about the installation itself; it differs between machines.
_LEFT_OUT = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
_SCRIPTS_FOLDER = "bin"
"""Programs that pip makes of packages' entry points: no function runs one, and the first line of
each names this machine's Python."""


def package(target: str, zip_path: Path) -> None:
    """Writes the zip.

    Args:
        target: `aws` takes wheels for Lambda's Python on linux x86_64, `local` for this Python,
            which the emulator runs functions with.
        zip_path: where to; its folder is made.

    Raises:
        subprocess.CalledProcessError: pip could not fetch the pinned wheels.
    """
    with tempfile.TemporaryDirectory() as folder:
        staging = Path(folder)
        _install_requirements(target, staging)
        files = {path.relative_to(staging).as_posix(): path for path in _installed(staging)}
        for source in _PACKAGES:
            files |= {path.relative_to(source.parent).as_posix(): path for path in _files(source)}
        zip_path.parent.mkdir(parents=True, exist_ok=True)
        _write_zip(zip_path, files)


def _install_requirements(target: str, folder: Path) -> None:
    platform: list[str] = []
    if target == "aws":
        platform = ["--implementation", "cp", "--python-version", AWS_PYTHON]
        for name in _AWS_PLATFORMS:
            platform += ["--platform", name]
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--only-binary", ":all:", "--no-deps", "--no-compile", "--require-hashes"),
        *("--target", str(folder), "--requirement", str(_REQUIREMENTS), *platform),
    ]
    subprocess.run(command, check=True)  # noqa: S603 - every word is ours


def _installed(staging: Path) -> Iterator[Path]:
    for path in _files(staging):
        if path.relative_to(staging).parts[0] != _SCRIPTS_FOLDER:
            yield path


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".pyc" and path.name not in _LEFT_OUT:
            yield path


def _write_zip(zip_path: Path, files: dict[str, Path]) -> None:
    partial = zip_path.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _ZIP_DATE)
            entry.external_attr = _FILE_MODE
            archive.writestr(entry, path.read_bytes())
    partial.replace(zip_path)


def main() -> None:
    """Reads the arguments and packs."""
    parser = argparse.ArgumentParser(description="Packs the zip of all functions.")
    parser.add_argument("target", choices=("aws", "local"))
    parser.add_argument("zip", type=Path)
    arguments = parser.parse_args()
    package(arguments.target, arguments.zip)


if __name__ == "__main__":
    main()
