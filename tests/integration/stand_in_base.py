"""A stand-in for the agent's base image, which machines without Docker Hub cannot have.

Debian's trixie, which the real one is of, with Debian's own Python 3.13 at the places where the
real one has its own. What it cannot show: the real base's digest, and that its Python is complete.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.charts.prerequisites import missing

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {"buildah": "buildah", "podman": "podman", "runc": "runc", "mmdebstrap": "mmdebstrap"}
"""Programs, and Debian's packages that have them."""

CACHE = ROOT / ".easel" / "stand-in-base"
_SUITE = "trixie"
_DEBIAN = "http://deb.debian.org/debian"
_PACKAGES = "python3.13,python3.13-venv,ca-certificates"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_MINUTE = 60
# As the image python:3.13-slim has it: /usr/local/bin/python, its library below /usr/local/lib.
_MOVE = """
set -eu
cp /usr/bin/python3.13 /usr/local/bin/python3.13
ln -s python3.13 /usr/local/bin/python3
ln -s python3.13 /usr/local/bin/python
rm -rf /usr/local/lib/python3.13
cp -a /usr/lib/python3.13 /usr/local/lib/python3.13
find /usr/local/lib/python3.13 -name __pycache__ -prune -exec rm -rf {} +
"""


class Containers:
    """buildah and podman with a storage of their own: what the machine has is left alone."""

    def __init__(self, folder: Path) -> None:
        """Takes a folder for the storage, which it fills."""
        needed = [name for name in PROGRAMS if shutil.which(name) is None]
        if needed:
            missing(f"not on PATH: {', '.join(needed)}; apt-get install {' '.join(needed)}")
        if os.geteuid() != 0:
            missing("containers of another user are made by root alone here")
        self._folder = folder
        self._configuration = folder / "storage.conf"
        # vfs copies the whole image for each container, but is had on every file system.
        self._driver = "overlay"
        self._write_configuration()
        if not self._is_usable():
            self._driver = "vfs"
            self._write_configuration()

    def _write_configuration(self) -> None:
        storage = self._folder / self._driver
        self._configuration.write_text(
            f'[storage]\ndriver = "{self._driver}"\ngraphroot = "{storage / "images"}"\n'
            f'runroot = "{storage / "run"}"\n'
        )

    def _is_usable(self) -> bool:
        command = ["podman", "info"]
        environment = self.environment()
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=_MINUTE, check=False
        )
        return done.returncode == 0

    def environment(self) -> dict[str, str]:
        """The environment in which the two programs find that storage."""
        return os.environ | {
            "CONTAINERS_STORAGE_CONF": str(self._configuration),
            "STORAGE_DRIVER": self._driver,
            "BUILDAH_ISOLATION": "chroot",
        }

    def run(self, *command: str, minutes: float = 1) -> str:
        """Runs one of the two; returns what it prints."""
        done = subprocess.run(
            command,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=minutes * _MINUTE,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}:\n{done.stderr[-3000:]}"
        return done.stdout.strip()

    def import_base(self, name: str) -> None:
        """Has the stand-in under the real base's name."""
        self.run("podman", "import", "--quiet", str(_base_archive()), name, minutes=5)


def base_name(dockerfile: str) -> str:
    """Returns the base image's name in a Dockerfile, without its digest."""
    (name,) = set(re.findall(r"^FROM \$\{REGISTRY\}([^\s@]+)@sha256:", dockerfile, re.MULTILINE))
    return str(name)


def without_digest(dockerfile: str) -> str:
    """Returns a Dockerfile that takes whatever has the base's name: a digest cannot be had."""
    digest = re.compile(r"^(FROM [^\s@]+)@sha256:[0-9a-f]{64}", re.MULTILINE)
    changed, count = digest.subn(r"\1", dockerfile)
    assert count == 2
    return changed


def _base_archive() -> Path:
    archive = CACHE / f"{_SUITE}.tar"
    if archive.is_file():
        return archive
    CACHE.mkdir(parents=True, exist_ok=True)
    unfinished = archive.with_suffix(".unfinished.tar")
    command = [
        *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={_PACKAGES}"),
        *("--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*"),
        f"--customize-hook=chroot \"$1\" sh -c '{_MOVE}'",
        # Where the machine trusts somebody of its own, such as a proxy, the build does, too.
        f"--customize-hook=copy-in {_CERTIFICATES} /etc/ssl/certs",
        *(_SUITE, str(unfinished), _DEBIAN),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=9 * _MINUTE, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    unfinished.rename(archive)
    return archive
