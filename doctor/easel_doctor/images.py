"""Whether the images are in their registries, for the architecture of the nodes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from botocore.exceptions import ClientError

from easel_doctor.excuses import is_refused
from easel_doctor.finding import Finding, Problem, fail, found, unchecked
from easel_doctor.settings import Image
from easel_doctor.subject import Subject
from easel_mirror.settings import EnvironmentSettings
from easel_mirror.wanted_list import PLATFORMS, wanted_list
from easel_snapshot.ecr_source import EcrSource
from easel_snapshot.errors import SnapshotError, UnreadableRegistryError
from easel_snapshot.image_reference import ImageReference, parse_image
from easel_snapshot.manifests import resolve
from easel_snapshot.registry_source import RegistrySource

ARCHITECTURE = "x86_64"
"""Of every instance type with an NVIDIA GPU that the chart takes."""

_ASKING = 4


@dataclass(frozen=True)
class _Pulled:
    """Something that an apply or a node pulls."""

    owner: str
    reference: ImageReference
    architecture: str | None
    """None: a chart, which is for none."""
    remedy: str


def look_at_images(subject: Subject) -> Finding:
    """Asks the registries of the queue agent's and the runtimes' images, and ECR of the mirror."""
    pulled = {one.reference: one for one in (*_own(subject), *_mirrored(subject))}.values()
    with ThreadPoolExecutor(_ASKING) as pool:
        problems = list(pool.map(partial(_problem, subject), pulled))
    missing = [
        fail(
            f"runtime {name} names no image", f"Name one in {subject.tfvars}: runtimes.{name}.image"
        )
        for name, one in subject.settings.runtimes.items()
        if one.image is None
    ]
    ok = sum(problem is None for problem in problems)
    return found(f"{ok} of {len(pulled)} there", [*filter(None, problems), *missing])


def _own(subject: Subject) -> Iterator[_Pulled]:
    for owner, reference in named_images(subject):
        yield _Pulled(owner, reference, ARCHITECTURE, _how_to_get_it(subject, owner))


def _mirrored(subject: Subject) -> Iterator[_Pulled]:
    """Yields the copies of Karpenter's and KEDA's charts and images, where ECR has to have them."""
    settings = subject.settings
    if settings.mirror_prefix is None:
        return
    # Without images and charts of its own an environment's list is that of easel's pins.
    listed = EnvironmentSettings(
        *(subject.folder, settings.region, settings.name, {}, settings.mirror_prefix),
        karpenter_version=settings.karpenter_version,
        keda_version=settings.keda_version,
        architecture=settings.system_architecture,
    )
    architectures = {platform: name for name, platform in PLATFORMS.items()}
    own = subject.caller.registry
    for one in wanted_list(listed, own.host).copies:
        if one.whole:  # the agent's image is built upon it; nothing pulls it
            continue
        yield _Pulled(
            f"the mirror's {one.name}",
            parse_image(f"{one.copied_to}:{one.tag}", own),
            architectures[one.platform] if one.platform else None,
            f".venv/bin/easel mirror --env {subject.name} --run",
        )


def named_images(subject: Subject) -> Iterator[tuple[str, ImageReference]]:
    """Yields the owner of each image and the image as a node pulls it.

    Raises:
        SnapshotError: an image's name is none.
        botocore.exceptions.ClientError: AWS does not know the caller, whose registry it may be in.
    """
    settings = subject.settings
    named = [("the queue agent", settings.agent_image)]
    named += [(f"runtime {name}", one.image) for name, one in sorted(settings.runtimes.items())]
    for owner, image in named:
        if image is not None:
            yield owner, reference_of(subject, image)


def reference_of(subject: Subject, image: Image) -> ImageReference:
    """Returns an image as a node pulls it: its copy, where `easel mirror` has made one."""
    image = subject.settings.mirrored_images.get(image.name, image)
    # A digest says all; with both, the tag is for people.
    end = f"@{image.digest}" if image.digest else f":{image.tag}"
    return parse_image(f"{image.repository}{end}", subject.caller.registry)


def _problem(subject: Subject, pulled: _Pulled) -> Problem | None:
    reference, owner = pulled.reference, pulled.owner
    ecr = EcrSource(lambda region: subject.aws.client("ecr", region), subject.http)
    source = ecr if reference.ecr else RegistrySource(subject.http)
    try:
        if pulled.architecture:
            resolve(reference, source, pulled.architecture)
        else:
            source.manifest(reference, str(reference.tag))
    except UnreadableRegistryError as error:
        return unchecked(f"{owner}: {error}", "Look whether the nodes may pull it.")
    except SnapshotError as error:
        cause = error.__cause__
        if isinstance(cause, ClientError) and is_refused(cause):
            return unchecked(f"{owner}: {error}", "Give these credentials ecr:BatchGetImage.")
        return fail(f"{owner}: {error}", pulled.remedy)
    return None


def _how_to_get_it(subject: Subject, owner: str) -> str:
    image = "" if owner == "the queue agent" else "IMAGE=sd-webui (or comfyui) "
    return (
        f"make image {image}PUSH=1 REGION={subject.settings.region}, or name another in "
        f"{subject.tfvars}; docker build and docker pull need --platform linux/amd64"
    )
