"""What a person asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class RegionalCopy:
    """A copy of the snapshot in another region.

    Attributes:
        region: where to.
        kms_key: of that region, that encrypts it; None: the account's default key for EBS.
    """

    region: str
    kms_key: str | None


@dataclass(frozen=True)
class Tag:
    """A person's own tag of what a build makes."""

    key: str
    value: str


@dataclass(frozen=True)
class BuildOptions:
    """What `easel snapshot build` is told; None means that easel decides.

    Attributes:
        images: references with commas between them.
        region: of the build.
        kubernetes: minor version, such as 1.35.
        bottlerocket: release, such as 1.68.1, or latest.
        architecture: x86_64 or arm64, of nodes and images.
        variant: nvidia or standard.
        instance_type: such as g4dn.xlarge.
        volume_gib: size of the data volume, and so of the snapshot.
        subnet_id: where the instance stands.
        vpc_id: in place of a subnet.
        security_group_id: one that is there already.
        instance_profile: one that is there already, where no role may be made.
        permissions_boundary: ARN of a policy that every new role must have.
        kms_key: id or ARN of the key that volume and snapshot are encrypted with.
        timeout_minutes: for everything but the clean-up.
        copies: to other regions.
        fast_restore_zones: where volumes are to be full at once.
        initialization_rate: MiB/s for new nodes' volumes, written to the tfvars.
        tags: a person's own.
        tfvars: file that the snapshot is written to.
        runtimes: of that file; none: those whose image is in the snapshot.
    """

    images: str
    region: str
    kubernetes: str
    bottlerocket: str
    architecture: str = "x86_64"
    variant: str = "nvidia"
    instance_type: str | None = None
    volume_gib: int | None = None
    subnet_id: str | None = None
    vpc_id: str | None = None
    security_group_id: str | None = None
    instance_profile: str | None = None
    permissions_boundary: str | None = None
    kms_key: str | None = None
    timeout_minutes: int = 60
    copies: tuple[RegionalCopy, ...] = ()
    fast_restore_zones: tuple[str, ...] = ()
    initialization_rate: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    tfvars: Path | None = None
    runtimes: tuple[str, ...] = ()
