"""Steps of the images: in the account's ECR, and in a snapshot of nodes' volumes."""

import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from easel_cli.deployment.deployment import Deployment
from easel_cli.deployment.estate import ROOT
from easel_cli.deployment.programs import Program
from easel_cli.deployment.step import Outcome, State, StepError, Told
from easel_deploy.exit_status import ExitStatus
from easel_mirror.errors import MirrorError
from easel_mirror.run import Options as MirrorOptions
from easel_mirror.run import Run as MirrorRun
from easel_mirror.run import Target, ecr_address, target_of
from easel_mirror.settings import EnvironmentSettings
from easel_packaging.image_names import AGENT, RECIPES
from easel_snapshot.hcl_objects import Attribute

_SPOOL = Path(".easel", "mirror")
_PARALLEL = 6
_SAMPLES = {"sdwebui": "sd-webui", "comfyui": "comfyui"}
"""Names of `make image` by a runtime's type."""


@dataclass(frozen=True)
class NamedImage:
    """An image that the settings name.

    Attributes:
        owner: whose it is, for people.
        recipe: what `make image` builds in its place; empty: nothing.
        repository: with or without a registry's name.
        tag: empty: by its digest.
        digest: empty: by its tag.
    """

    owner: str
    recipe: str
    repository: str
    tag: str
    digest: str

    @property
    def is_own(self) -> bool:
        """Whether it is in the account's ECR."""
        return not {".", ":"} & set(self.repository.partition("/")[0])

    @property
    def reference(self) -> str:
        """As a pod names it, without the account's registry."""
        which = f"@{self.digest}" if self.digest else f":{self.tag}"
        return f"{self.repository}{which}"


def images(deployment: Deployment, told: Told) -> Outcome:
    """Sees to it that every image is where nodes pull it from.

    Raises:
        StepError: an image is missing, and cannot be built here or was not asked for.
    """
    if has_no_registry(deployment):
        return Outcome(State.LEFT_OUT, "no registry and no node is on this machine's emulator")
    mirrored = _mirrored(deployment, told)
    target = _target(deployment)
    own = [one for one in named_images(deployment) if one.is_own]
    missing = _missing(target, own)
    refused = [one for one in missing if not _may_build(deployment, one)]
    if refused:
        raise StepError(_how_to_bring(deployment, refused))
    for one in missing:
        _build(deployment, told, one, target)
    others = [one for one in named_images(deployment) if not one.is_own]
    notes = [
        f"{one.owner}: {one.reference} is another registry's, and not looked at" for one in others
    ]
    built = f", built now: {', '.join(one.owner for one in missing)}" if missing else ""
    state = State.DONE if missing or mirrored else State.FOUND
    return Outcome(state, f"{len(own)} in the account's ECR{mirrored}{built}", notes)


def has_no_registry(deployment: Deployment) -> bool:
    """Returns whether images cannot be looked at: an emulator without a registry beside it."""
    return deployment.estate.is_emulated and ecr_address() is None


def named_images(deployment: Deployment) -> list[NamedImage]:
    """Returns the images that the settings name, each once."""
    return list({one.reference: one for one in _named(deployment)}.values())


def _named(deployment: Deployment) -> Iterator[NamedImage]:
    settings = deployment.settings
    recipe = RECIPES[AGENT]
    yield NamedImage(
        "the queue agent",
        AGENT,
        settings.member_string("agent_image", "repository") or recipe.repository,
        settings.member_string("agent_image", "tag") or recipe.tag,
        settings.member_string("agent_image", "digest") or "",
    )
    for name, runtime in settings.runtimes.items():
        image = runtime.members.get("image")
        if image and image.is_object:
            kind = _text(runtime, "type")
            yield NamedImage(
                f"runtime {name}",
                _SAMPLES.get(kind, ""),
                _text(image, "repository"),
                _text(image, "tag"),
                _text(image, "digest"),
            )


def _text(found: Attribute, member: str) -> str:
    one = found.members.get(member)
    return (one.string or "") if one else ""


def _target(deployment: Deployment) -> Target:
    settings = EnvironmentSettings(Path(), deployment.region, deployment.settings.name, {}, "")
    try:
        return target_of(settings, None)
    except MirrorError as error:
        raise StepError(str(error)) from error


def _missing(target: Target, own: list[NamedImage]) -> list[NamedImage]:
    try:
        return [
            one
            for one in own
            if target.registry.manifest_digest(one.repository, one.digest or one.tag) is None
        ]
    except MirrorError as error:
        raise StepError(str(error)) from error


def _may_build(deployment: Deployment, image: NamedImage) -> bool:
    """The agent is easel's own; a runtime's program has a licence that a person has to accept."""
    if image.digest:
        return False
    return image.recipe == AGENT or (bool(image.recipe) and deployment.options.build_runtime_image)


def _how_to_bring(deployment: Deployment, missing: list[NamedImage]) -> str:
    lines = ["these images are in no repository of the account's ECR:"]
    for one in missing:
        lines.append(f"  {one.reference} ({one.owner})")
        if one.recipe and not one.digest:
            lines.append(
                f"    build easel's sample: make image IMAGE={one.recipe} PUSH={one.repository} "
                f"TAG={one.tag} REGION={deployment.region}"
            )
    lines.append(
        "  or by this command: --build-runtime-image. The programs have licences of their own "
        "(images/README.md); an image of yours is named in " + str(deployment.settings.path)
    )
    return "\n".join(lines)


def _build(deployment: Deployment, told: Told, image: NamedImage, target: Target) -> None:
    command = [sys.executable, "-m", "easel_packaging.image", image.recipe, "--push"]
    command += ["--region", deployment.region, "--stack", deployment.settings.name]
    command += ["--repository", image.repository, "--tag", image.tag]
    prefix = deployment.settings.string("mirror_prefix")
    if prefix and image.recipe == AGENT:
        # The base image's copy: `easel mirror` has put it there.
        command += ["--registry", f"{target.registry.host}/{prefix}/"]
    log = deployment.estate.logs / f"image-{image.recipe}.log"
    last: list[str] = []

    def on_line(line: str) -> None:
        last[:] = [*last, line][-20:]
        told.progress(f"building {image.reference}: {line}")

    if status := Program(command, os.environ, log).run(on_line):
        told_last = "\n".join(last)
        raise StepError(
            f"{image.reference} was not built (status {status}, all of it: {log}):\n{told_last}"
        )


def _mirrored(deployment: Deployment, told: Told) -> str:
    """Copies charts and images where the settings want a mirror; returns what is said of it."""
    if not deployment.settings.string("mirror_prefix") or deployment.estate.is_emulated:
        return ""
    options = MirrorOptions(
        folder=deployment.settings.path.parent,
        copies=True,
        images=(),
        platforms=frozenset(),
        host=None,
        prefix=None,
        spool=ROOT / _SPOOL,
        parallel=_PARALLEL,
        as_json=False,
    )
    stop = threading.Event()
    try:
        with told.aside():
            status = MirrorRun(options, Console(highlight=False), stop).result()
    except MirrorError as error:
        raise StepError(str(error)) from error
    except KeyboardInterrupt:
        stop.set()
        raise
    if status != ExitStatus.COMPLETED:
        raise StepError("not all was copied, see above; the same command goes on from there")
    return ", charts and images of others mirrored"
