"""What easel installs in an account, in which version, and until when somebody looks after that.

The one list: other files hold the same versions because Terraform, Helm and Docker cannot read this
one, and tests/unit/test_pins.py fails where they differ, or where a version is past its end.
Why these and no newer ones: docs/adr/0041-versions-and-their-ends.md. `make pins` asks what is new.
"""

from dataclasses import dataclass
from datetime import date

KUBERNETES = "1.35"
"""Minor version of new clusters: the newest that the pinned KEDA is tested on."""

KUBERNETES_VERSIONS = {"1.35": date(2027, 3, 27), "1.36": date(2027, 8, 2)}
"""Versions that may be asked for, and the end of standard support (EKS's release calendar)."""

_OWN_LIMIT = "easel's own limit, half a year: its makers publish no end, and mend the newest alone"
_OF_KUBERNETES = f"comes with Kubernetes {KUBERNETES}, and leaves support with it"


@dataclass(frozen=True)
class Pin:
    """A version of something that is not ours.

    Attributes:
        name: What it is, as it is called in its own documentation.
        version: As its makers write it, without a `v` in front.
        supported_until: The last day on which it may be pinned.
        end: Who says so.
    """

    name: str
    version: str
    supported_until: date
    end: str


KARPENTER = Pin(
    "Karpenter",
    "1.14.1",
    date(2027, 7, 31),
    "1.14 has long-term support until July 2027 (its release notes of 1.14.2); 1.15 has not",
)
KEDA = Pin(
    "KEDA",
    "2.20.2",
    KUBERNETES_VERSIONS[KUBERNETES],
    "no end is published: that of the newest Kubernetes it is tested on (keda.sh, operate/cluster)",
)
BOTTLEROCKET = Pin("Bottlerocket", "1.68.1", date(2027, 5, 28), _OWN_LIMIT)
AGENT_BASE = Pin(
    "python",
    "3.13.16-slim-trixie",
    date(2028, 8, 9),
    "Debian 13 leaves full support; Python 3.13 has security fixes until October 2029 (PEP 719)",
)
FUNCTIONS_RUNTIME = Pin(
    "Lambda's Python",
    "3.13",
    date(2029, 6, 30),
    "Lambda deprecates the runtime (its documentation)",
)

ADDONS = tuple(
    Pin(name, version, KUBERNETES_VERSIONS[KUBERNETES], _OF_KUBERNETES)
    for name, version in {
        "amazon-cloudwatch-observability": "6.7.0-eksbuild.1",
        "aws-mountpoint-s3-csi-driver": "2.8.0-eksbuild.1",
        "coredns": "1.14.6-eksbuild.4",
        "eks-pod-identity-agent": "1.4.0-eksbuild.2",
        "kube-proxy": "1.35.3-eksbuild.29",
        "metrics-server": "0.9.0-eksbuild.11",
        "vpc-cni": "1.23.1-eksbuild.1",
    }.items()
)
"""EKS's add-ons, as envs/us-east-1 pins them; each region may have others: `easel eks addons`."""

PINS = (
    *(
        Pin("Kubernetes on EKS", version, end, "EKS's standard support")
        for version, end in KUBERNETES_VERSIONS.items()
    ),
    KARPENTER,
    KEDA,
    BOTTLEROCKET,
    AGENT_BASE,
    FUNCTIONS_RUNTIME,
    *ADDONS,
)
