"""The request that starts the instance."""

from dataclasses import dataclass
from typing import Any

from easel_snapshot.host_commands import USER_DATA
from easel_snapshot.network import Subnet
from easel_snapshot.tags import tag_list

DATA_DEVICE = "/dev/xvdb"
"""Bottlerocket's data volume; https://bottlerocket.dev/en/os/latest/concepts/variants/#filesystems"""

_IOPS, _THROUGHPUT = 4000, 1000
"""As the chart gives the nodes: unpacking waits for the volume."""


@dataclass(frozen=True)
class DataVolume:
    """The volume that images are unpacked on.

    Attributes:
        gib: its size.
        kms_key: it is encrypted with; None: the account's default key for EBS.
    """

    gib: int
    kms_key: str | None


@dataclass(frozen=True)
class InstanceAccess:
    """What an instance may do, and who may reach it.

    Attributes:
        security_group_id: of its network interface; None only for a dry run.
        instance_profile: name of the profile with its role; None only for a dry run.
    """

    security_group_id: str | None
    instance_profile: str | None


def launch_request(
    *,
    ami_id: str,
    instance_type: str,
    subnet: Subnet,
    volume: DataVolume,
    tags: dict[str, str],
    access: InstanceAccess,
) -> dict[str, Any]:
    """Returns the arguments of RunInstances.

    Args:
        ami_id: Bottlerocket's.
        instance_type: such as g4dn.xlarge.
        subnet: where it stands.
        volume: for images.
        tags: of all that is made with it.
        access: of the instance.
    """
    kinds = ("instance", "volume", "network-interface")
    request: dict[str, Any] = {
        "ImageId": ami_id,
        "InstanceType": instance_type,
        "MinCount": 1,
        "MaxCount": 1,
        "UserData": USER_DATA,
        # What the instance's own clock does when nobody is left to end it: host_commands.prepare.
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        "NetworkInterfaces": [_interface(subnet, access)],
        "BlockDeviceMappings": [{"DeviceName": DATA_DEVICE, "Ebs": _volume(volume)}],
        "TagSpecifications": [{"ResourceType": kind, "Tags": tag_list(tags)} for kind in kinds],
    }
    if access.instance_profile:
        request["IamInstanceProfile"] = {"Name": access.instance_profile}
    return request


def _interface(subnet: Subnet, access: InstanceAccess) -> dict[str, Any]:
    interface: dict[str, Any] = {
        "DeviceIndex": 0,
        "SubnetId": subnet.subnet_id,
        "AssociatePublicIpAddress": subnet.public_address,
        "DeleteOnTermination": True,
    }
    if access.security_group_id:
        interface["Groups"] = [access.security_group_id]
    return interface


def _volume(volume: DataVolume) -> dict[str, Any]:
    request: dict[str, Any] = {
        "VolumeSize": volume.gib,
        "VolumeType": "gp3",
        "Iops": _IOPS,
        "Throughput": _THROUGHPUT,
        "Encrypted": True,
        "DeleteOnTermination": True,
    }
    if volume.kms_key:
        request["KmsKeyId"] = volume.kms_key
    return request
