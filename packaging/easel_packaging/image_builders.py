"""The programs that build images: docker with buildx, buildah, podman."""

import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_ASK_SECONDS = 30
_BUILD_SECONDS = 2 * 3600
"""A runtime's image fetches gigabytes of packages."""
_PUSH_SECONDS = 2 * 3600


class BuilderError(Exception):
    """An image was not built or not pushed; the message says why, and what to do."""


@dataclass(frozen=True)
class Build:
    """One build.

    Attributes:
        reference: name of the image, with the registry's where it is pushed, and its tag.
        dockerfile: that is built.
        context: folder that the build sees.
        platform: such as linux/amd64.
        registry: what stands before the base image's name; empty: nothing.
        labels: of the image.
        options: further options of the builder's own build command.
    """

    reference: str
    dockerfile: Path
    context: Path
    platform: str
    registry: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """Returns what all three builders understand."""
        arguments = ["--platform", self.platform, "--file", str(self.dockerfile)]
        if self.registry:
            arguments += ["--build-arg", f"REGISTRY={self.registry}"]
        for name, value in sorted(self.labels.items()):
            arguments += ["--label", f"{name}={value}"]
        return [*arguments, *self.options]


@dataclass(frozen=True)
class Login:
    """Who signs in to a registry; the password goes to a program's standard input only.

    Attributes:
        host: the registry's name.
        username: of the login.
        password: of the login.
    """

    host: str
    username: str
    password: str = field(repr=False)


class Builder(ABC):
    """A program that builds images."""

    name: str

    def __init__(self, program: str) -> None:
        """Takes the program's path."""
        self.program = program

    @abstractmethod
    def problem(self) -> str | None:
        """Returns why it cannot build here; None: it can."""

    @abstractmethod
    def attests(self) -> bool:
        """Whether an image that it pushes bears an SBOM and its provenance (SLSA)."""

    @abstractmethod
    def build(self, build: Build) -> None:
        """Builds an image and keeps it on this machine.

        Raises:
            BuilderError: it does not come about.
        """

    @abstractmethod
    def push(self, build: Build, login: Login, folder: Path) -> None:
        """Pushes an image that was built.

        Args:
            build: of the image.
            login: at the registry.
            folder: for a file of the login; it is gone afterwards.

        Raises:
            BuilderError: it does not come about.
        """

    @abstractmethod
    def save(self, reference: str, path: Path) -> str:
        """Writes an image into a file.

        Returns:
            The file as syft names it, such as oci-archive:PATH.

        Raises:
            BuilderError: it does not come about.
        """

    def _run(self, arguments: Sequence[str], seconds: float, secret: str | None = None) -> None:
        _run([self.program, *arguments], seconds, secret)


class Docker(Builder):
    """Docker with its plug-in buildx."""

    name = "docker"

    def problem(self) -> str | None:
        """See Builder."""
        if not _answers([self.program, "version"]):
            return "docker: its engine does not answer (docker version says why)"
        if not _answers([self.program, "buildx", "version"]):
            return "docker: it lacks the plug-in buildx (https://docs.docker.com/build/install-buildx/)"
        return None

    def attests(self) -> bool:
        """See Builder: the driver named docker keeps images in a store that has no place for it."""
        found = subprocess.run(  # noqa: S603 - every word is ours
            [self.program, "buildx", "inspect"],
            capture_output=True,
            text=True,
            timeout=_ASK_SECONDS,
            check=False,
        )
        drivers = [one.split() for one in found.stdout.splitlines() if one.startswith("Driver:")]
        return bool(drivers) and drivers[0][1:] != ["docker"]

    def build(self, build: Build) -> None:
        """See Builder."""
        self._buildx(build, ["--load"])

    def push(self, build: Build, login: Login, folder: Path) -> None:
        """See Builder: buildx makes the image out of its cache, and attests what it has done.

        It finds logins, plug-ins and builders in one folder: the login cannot have one of its own.
        """
        del folder
        words = ["login", "--username", login.username, "--password-stdin", login.host]
        self._run(words, _ASK_SECONDS, login.password)
        try:
            attested = ["--provenance=mode=max", "--sbom=true"] if self.attests() else []
            self._buildx(build, [*attested, "--push"])
        finally:
            # Its password would hold for 12 hours more.
            self._run(["logout", login.host], _ASK_SECONDS)

    def save(self, reference: str, path: Path) -> str:
        """See Builder."""
        self._run(["save", "--output", str(path), reference], _PUSH_SECONDS)
        return f"docker-archive:{path}"

    def _buildx(self, build: Build, more: Sequence[str]) -> None:
        words = ["buildx", "build", "--tag", build.reference, *build.arguments(), *more]
        self._run([*words, str(build.context)], _BUILD_SECONDS)


class Buildah(Builder):
    """buildah; podman, which has it inside, takes the same arguments."""

    name = "buildah"

    def problem(self) -> str | None:
        """See Builder."""
        if not _answers([self.program, "images", "--quiet"]):
            return f"{self.name}: it does not run here ({self.name} images says why)"
        return None

    def attests(self) -> bool:
        """See Builder."""
        return False

    def build(self, build: Build) -> None:
        """See Builder."""
        words = ["build", "--format", "oci", "--tag", build.reference, *build.arguments()]
        self._run([*words, str(build.context)], _BUILD_SECONDS)

    def push(self, build: Build, login: Login, folder: Path) -> None:
        """See Builder."""
        file = ["--authfile", str(folder / "auth.json")]
        words = ["login", *file, "--username", login.username, "--password-stdin"]
        plain = _without_tls(login.host)
        self._run([*words, *plain, login.host], _ASK_SECONDS, login.password)
        self._run(["push", *file, *plain, build.reference], _PUSH_SECONDS)

    def save(self, reference: str, path: Path) -> str:
        """See Builder."""
        self._run(["push", "--quiet", reference, f"oci-archive:{path}"], _PUSH_SECONDS)
        return f"oci-archive:{path}"


class Podman(Buildah):
    """podman."""

    name = "podman"


BUILDERS: tuple[type[Builder], ...] = (Docker, Buildah, Podman)
"""In the order in which they are looked for."""


def find_builder(wanted: str | None = None) -> Builder:
    """Returns a builder that works here.

    Args:
        wanted: its name; None: the first of BUILDERS that works.

    Raises:
        BuilderError: there is none; the message says of each why not.
    """
    problems = []
    for kind in BUILDERS:
        if wanted not in (None, kind.name):
            continue
        program = shutil.which(kind.name)
        if program is None:
            problems.append(f"{kind.name}: it is not on PATH")
            continue
        builder = kind(program)
        problem = builder.problem()
        if problem is None:
            return builder
        problems.append(problem)
    told = "\n".join(f"  - {one}" for one in problems)
    raise BuilderError(
        f"no program that builds images works here:\n{told}\n"
        "On Debian and Ubuntu: apt install buildah. Docker: https://docs.docker.com/engine/install/"
    )


def _without_tls(reference: str) -> list[str]:
    """Options for a registry on this machine, which speaks plain HTTP."""
    host = reference.partition("/")[0].partition(":")[0]
    return ["--tls-verify=false"] if host in ("127.0.0.1", "localhost") else []


def _answers(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - every word is ours
            command, capture_output=True, timeout=_ASK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _run(command: Sequence[str], seconds: float, secret: str | None) -> None:
    words = " ".join(command[:3])
    try:
        done = subprocess.run(  # noqa: S603 - no shell; names were checked
            command,
            # Empty: nothing waits for a person.
            input=(secret or "").encode(),
            # Standard output is for the result.
            stdout=2,
            timeout=seconds,
            check=False,
        )
    except OSError as error:
        raise BuilderError(f"{words} cannot be run: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise BuilderError(f"{words} did not end within {seconds / 60:.0f} minutes") from error
    if done.returncode:
        raise BuilderError(
            f"{words} ended with status {done.returncode}; what it says stands above. A build for "
            "another processor than this machine's needs QEMU's user emulation (Debian: "
            "qemu-user-static)"
        )
