"""Builds an image of this checkout, and pushes it to ECR: `make image`.

python -m easel_packaging.image queue-agent
python -m easel_packaging.image queue-agent --push --region us-east-1
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import boto3

from easel_contract.plain_text import printable_lines
from easel_deploy.exit_status import ExitStatus
from easel_mirror.errors import MirrorError
from easel_mirror.run import Target, ecr_address, target_of
from easel_mirror.settings import EnvironmentSettings
from easel_packaging.image_builders import (
    BUILDERS,
    Build,
    Builder,
    BuilderError,
    Login,
    find_builder,
)
from easel_packaging.image_names import (
    AGENT,
    PLATFORMS,
    RECIPES,
    ImageRecipe,
    NameRefusedError,
    problems_of,
)

ROOT = Path(__file__).resolve().parents[2]
_SBOM_FOLDER = Path("build", "sbom")
_SYFT = Path(".venv-scan", "bin", "syft")
_SYFT_SECONDS = 900
_GIT_SECONDS = 30


@dataclass(frozen=True)
class Pushed:
    """An image in a registry.

    Attributes:
        repository: without the registry's name.
        tag: of the image.
        digest: of its manifest, or of its index.
    """

    repository: str
    tag: str
    digest: str

    def setting(self, name: str) -> str:
        """Returns the line for terraform.tfvars."""
        key = "agent_image" if name == AGENT else "image"
        return (
            f'{key} = {{ repository = "{self.repository}", tag = "{self.tag}", '
            f'digest = "{self.digest}" }}'
        )


class EcrTarget:
    """The account's ECR, as easel mirror finds it and makes repositories in it."""

    def __init__(self, target: Target) -> None:
        """Takes what easel_mirror.run.target_of has found."""
        if target.repositories is None or target.credentials is None:
            raise ValueError("this registry is no ECR")
        self._target = target
        self._repositories = target.repositories
        self._credentials = target.credentials
        self.host = ecr_address() or target.registry.host

    @classmethod
    def in_region(cls, region: str | None, stack: str) -> "EcrTarget":
        """Finds it.

        Args:
            region: None: the one that the AWS SDKs find.
            stack: name of the stack, for the repositories' tags.

        Raises:
            MirrorError: there is no region, or AWS does not take the credentials.
        """
        region = region or boto3.Session().region_name
        if not region:
            raise MirrorError("no region is set: give --region, or set AWS_REGION")
        return cls(target_of(EnvironmentSettings(Path(), region, stack, {}, ""), None))

    def prepare(self, repository: str, tag: str) -> None:
        """Makes the repository where it is missing.

        Raises:
            MirrorError: ECR refuses, or has this tag: tags never change.
        """
        if self._repositories.missing({repository}):
            self._repositories.create(repository, self._target.tags)
            return
        if digest := self._target.registry.manifest_digest(repository, tag):
            raise MirrorError(
                f"{self._target.registry.host}/{repository}:{tag} is there ({digest}), and tags "
                "never change: give the new image a tag of its own (make image TAG=...), and name "
                "it in terraform.tfvars"
            )

    def login(self) -> Login:
        """Returns a login that holds for 12 hours.

        Raises:
            MirrorError: ECR gives no password.
        """
        found = self._credentials.login()
        return Login(self.host, found.username, found.password)

    def pushed(self, repository: str, tag: str) -> Pushed:
        """Returns what the registry has under a tag.

        Raises:
            MirrorError: it has nothing, or does not tell.
        """
        return Pushed(repository, tag, self._target.registry.manifest(repository, tag).digest)


def main(arguments: list[str] | None = None) -> int:
    """Runs `python -m easel_packaging.image`."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    try:
        _make(asked)
    except NameRefusedError as error:
        sys.stderr.write(printable_lines(f"easel: {error}\n"))
        return ExitStatus.USAGE
    except (BuilderError, MirrorError) as error:
        sys.stderr.write(printable_lines(f"easel: {error}\n"))
        return ExitStatus.FAILED
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    return ExitStatus.COMPLETED


def _make(asked: argparse.Namespace) -> None:
    recipe = RECIPES[asked.image]
    repository, tag = asked.repository or recipe.repository, asked.tag or recipe.tag
    if problems := problems_of(repository, tag, asked.registry):
        raise NameRefusedError("\n".join(problems))
    builder = find_builder(asked.builder)
    target = EcrTarget.in_region(asked.region, asked.stack) if asked.push else None
    if target is not None:
        # Before a build of minutes, not after it.
        target.prepare(repository, tag)
    host = f"{target.host}/" if target else "localhost/" if builder.name != "docker" else ""
    build = Build(
        f"{host}{repository}:{tag}",
        (asked.dockerfile or ROOT / recipe.dockerfile).resolve(),
        ROOT / recipe.context,
        asked.platform,
        asked.registry,
        _labels(recipe, tag),
        tuple(asked.option),
    )
    _say(f"building {build.reference} for {build.platform} with {builder.name}")
    builder.build(build)
    with tempfile.TemporaryDirectory(prefix="easel-image-") as folder:
        _write_sbom(builder, build, asked.image, Path(folder))
        if target is None:
            _say("it is on this machine; PUSH=1 pushes it to the account's ECR")
            sys.stdout.write(f"{build.reference}\n")
            return
        builder.push(build, target.login(), Path(folder))
    if not builder.attests():
        more = (
            "; docker buildx create --use sets up one that does" if builder.name == "docker" else ""
        )
        _say(f"no SBOM and no provenance are attached: {builder.name} here makes none{more}")
    sys.stdout.write(f"{target.pushed(repository, tag).setting(asked.image)}\n")


def _write_sbom(builder: Builder, build: Build, name: str, folder: Path) -> None:
    """Lists what the image holds, where syft is; says so where it is not."""
    syft = str(ROOT / _SYFT) if (ROOT / _SYFT).is_file() else shutil.which("syft")
    if syft is None:
        _say("no list of what is in it was made: syft is missing (make sbom brings it)")
        return
    path = ROOT / _SBOM_FOLDER / f"image-{name}.cdx.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    source = builder.save(build.reference, folder / "image.tar")
    words = [syft, "scan", "--quiet", source, "--output", f"cyclonedx-json={path}"]
    try:
        subprocess.run(words, check=True, timeout=_SYFT_SECONDS, stdout=2)  # noqa: S603 - no shell
    except (OSError, subprocess.SubprocessError) as error:
        raise BuilderError(f"syft does not list what is in {build.reference}: {error}") from error
    _say(f"wrote {path.relative_to(ROOT)}")


def _labels(recipe: ImageRecipe, tag: str) -> dict[str, str]:
    """Labels by https://github.com/opencontainers/image-spec/blob/main/annotations.md."""
    labels = {"org.opencontainers.image.version": tag}
    if revision := _git("rev-parse", "HEAD"):
        changed = "-changed" if _git("status", "--porcelain") else ""
        labels["org.opencontainers.image.revision"] = revision + changed
    return labels | {"org.opencontainers.image.title": recipe.repository.rpartition("/")[2]}


def _git(*words: str) -> str:
    """Returns what git prints; nothing outside a repository."""
    try:
        done = subprocess.run(  # noqa: S603 - every word is ours
            ["git", *words],  # noqa: S607 - as a person calls it
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if done.returncode else done.stdout.strip()


def _say(text: str) -> None:
    sys.stderr.write(printable_lines(f"{text}\n"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="easel_packaging.image", description=__doc__)
    parser.add_argument("image", nargs="?", default=AGENT, choices=sorted(RECIPES))
    parser.add_argument("--push", action="store_true", help="push it to the account's ECR")
    parser.add_argument("--region", help="of ECR (default: as the AWS SDKs find it)")
    parser.add_argument("--repository", help="without the registry's name")
    parser.add_argument("--tag", help="a version; tags never change")
    parser.add_argument("--platform", choices=PLATFORMS, default=PLATFORMS[0])
    parser.add_argument("--builder", choices=[kind.name for kind in BUILDERS])
    parser.add_argument(
        "--registry",
        default="",
        help="where the base image comes from: <account>.dkr.ecr.<region>.<suffix>/easel/",
    )
    parser.add_argument("--stack", default="easel", help="tag Stack of a repository that is made")
    parser.add_argument("--dockerfile", type=Path, help="another one for the same context")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="--NAME=VALUE",
        help="further option of the builder's build command; repeatable, as --option=--no-cache",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
