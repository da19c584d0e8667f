"""What a deployment pulls: charts and images of others, and where their copies lie.

The one list: `easel mirror` copies it, `python -m easel_packaging.crds` reads the charts in it,
modules/ and agent/Dockerfile name the same (tests/unit/test_pins.py). Runtimes' images and charts
are an environment's own settings. EKS's add-ons are missing on purpose: their images come from
registries of AWS's own, in every region.
"""

from dataclasses import dataclass

from easel_deploy.pins import AGENT_BASE, KARPENTER, KEDA


@dataclass(frozen=True)
class PulledChart:
    """A Helm chart of somebody else's.

    Attributes:
        reference: with `oci://`; or its name in the repository.
        version: of the chart.
        copied_to: name of its copy's repository, below a mirror's prefix (envs/*/main.tf).
        repository: address of a chart repository over HTTP; None: an OCI registry.
        app_version: what Chart.yaml must call its application, so that the images listed here are
            those that it asks for; None: its images are named by modules/.
        setting: variable of an environment that sets another version.
    """

    reference: str
    version: str
    copied_to: str
    setting: str
    repository: str | None = None
    app_version: str | None = None


@dataclass(frozen=True)
class PulledImage:
    """An image of somebody else's.

    Attributes:
        repository: with its registry.
        tag: as its makers write it.
        copied_to: name of its copy's repository, below a mirror's prefix.
        digest: of the index of all platforms, where it is pinned by that; None: the tag's.
        on_system_nodes: whether it runs there, and so on their architecture; else it is only built
            upon.
        setting: variable of an environment that sets another tag.
    """

    repository: str
    tag: str
    copied_to: str
    digest: str | None = None
    on_system_nodes: bool = True
    setting: str | None = None


KARPENTER_CRD_CHART = PulledChart(
    "oci://public.ecr.aws/karpenter/karpenter-crd",
    KARPENTER.version,
    "karpenter/karpenter-crd",
    "karpenter_version",
)
KARPENTER_CHART = PulledChart(
    "oci://public.ecr.aws/karpenter/karpenter",
    KARPENTER.version,
    "karpenter/karpenter",
    "karpenter_version",
)
KEDA_CHART = PulledChart(
    "keda",
    KEDA.version,
    "charts/keda",
    "keda_version",
    repository="https://kedacore.github.io/charts",
    app_version=KEDA.version,
)
CHARTS = (KARPENTER_CRD_CHART, KARPENTER_CHART, KEDA_CHART)

KARPENTER_IMAGE = PulledImage(
    "public.ecr.aws/karpenter/controller",
    KARPENTER.version,
    "karpenter/controller",
    setting="karpenter_version",
)
KEDA_IMAGES = tuple(
    # The chart puts its own repositories' names behind the registry that it is given.
    PulledImage(
        f"ghcr.io/kedacore/{name}", KEDA.version, f"kedacore/{name}", setting="keda_version"
    )
    for name in ("keda", "keda-metrics-apiserver", "keda-admission-webhooks")
)
AGENT_BASE_IMAGE = PulledImage(
    "docker.io/library/python",
    AGENT_BASE.version,
    "python",
    digest="sha256:bf44cdfcb76cd3b41e879bc058fc37ec5872002ccfde7fcb765e218cde0cd79c",
    on_system_nodes=False,
)
IMAGES = (KARPENTER_IMAGE, *KEDA_IMAGES, AGENT_BASE_IMAGE)
