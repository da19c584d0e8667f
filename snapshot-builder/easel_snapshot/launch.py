"""The request that starts the instance."""

from typing import Any

from easel_snapshot.host_commands import USER_DATA
from easel_snapshot.network import Subnet
from easel_snapshot.tags import tag_list

DATA_DEVICE = "/dev/xvdb"
"""Bottlerocket's data volume; https://bottlerocket.dev/en/os/latest/concepts/variants/#filesystems"""

_IOPS, _THROUGHPUT = 4000, 1000
"""As the chart gives the nodes: unpacking waits for the volume."""


def launch_request(
    *,
    ami_id: str,
    instance_type: str,
    subnet: Subnet,
    volume_gib: int,
    kms_key: str | None,
    tags: dict[str, str],
    security_group_id: str | None,
    instance_profile: str | None,
) -> dict[str, Any]:
    """Returns the arguments of RunInstances.

    Args:
        ami_id: Bottlerocket's.
        instance_type: such as g4dn.xlarge.
        subnet: where it stands.
        volume_gib: size of the data volume.
        kms_key: of the data volume; None: the account's default key for EBS.
        tags: of all that is made with it.
        security_group_id: None only for a dry run.
        instance_profile: None only for a dry run.
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
        "NetworkInterfaces": [_interface(subnet, security_group_id)],
        "BlockDeviceMappings": [{"DeviceName": DATA_DEVICE, "Ebs": _volume(volume_gib, kms_key)}],
        "TagSpecifications": [{"ResourceType": kind, "Tags": tag_list(tags)} for kind in kinds],
    }
    if instance_profile:
        request["IamInstanceProfile"] = {"Name": instance_profile}
    return request


def _interface(subnet: Subnet, security_group_id: str | None) -> dict[str, Any]:
    interface: dict[str, Any] = {
        "DeviceIndex": 0,
        "SubnetId": subnet.subnet_id,
        "AssociatePublicIpAddress": subnet.public_address,
        "DeleteOnTermination": True,
    }
    if security_group_id:
        interface["Groups"] = [security_group_id]
    return interface


def _volume(volume_gib: int, kms_key: str | None) -> dict[str, Any]:
    volume: dict[str, Any] = {
        "VolumeSize": volume_gib,
        "VolumeType": "gp3",
        "Iops": _IOPS,
        "Throughput": _THROUGHPUT,
        "Encrypted": True,
        "DeleteOnTermination": True,
    }
    if kms_key:
        volume["KmsKeyId"] = kms_key
    return volume
