"""EKS: what a cluster, a node group and an add-on say of themselves."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_region
from ministack.services import ec2, eks

from easel_deploy import pins
from easel_local.emulator.bridges.bridge import Bridge, Response
from easel_local.emulator.process import KubernetesEndpoint

_Handle = Callable[..., Response]
_Record = dict[str, Any]
_OK = 200


def echoed_cluster(create_cluster: _Handle) -> _Handle:
    """A cluster keeps its upgrade policy, zonal shift and access settings.

    Where the request leaves them out, AWS answers with its defaults; ministack answers with
    nothing, and every plan after the first would change the cluster.
    """

    def bridged(body: _Record, creator_arn: str | None = None) -> Response:
        answer = create_cluster(body, creator_arn)
        if answer[0] != _OK:
            return answer
        access = {
            "authenticationMode": "CONFIG_MAP",
            "bootstrapClusterCreatorAdminPermissions": True,
        }
        cluster = _clusters()[body["name"]]
        cluster["upgradePolicy"] = body.get("upgradePolicy", {"supportType": "EXTENDED"})
        cluster["accessConfig"] = access | body.get("accessConfig", {})
        if "zonalShiftConfig" in body:
            cluster["zonalShiftConfig"] = body["zonalShiftConfig"]
        return _as_described(body["name"])

    return bridged


def cluster_in_its_vpc(create_cluster: _Handle) -> _Handle:
    """A cluster is in its subnets' VPC and has a security group there, which EC2 knows.

    ministack names a VPC and a security group that do not exist, so that nothing can be tagged or
    read by their ids.
    """

    def bridged(body: _Record, creator_arn: str | None = None) -> Response:
        answer = create_cluster(body, creator_arn)
        if answer[0] != _OK:
            return answer
        network = _clusters()[body["name"]]["resourcesVpcConfig"]
        subnets = [ec2._subnets.get(name) for name in network["subnetIds"]]  # noqa: SLF001
        if found := [subnet["VpcId"] for subnet in subnets if subnet]:
            network["vpcId"] = found[0]
        group = network["clusterSecurityGroupId"]
        ec2._security_groups[group] = {  # noqa: SLF001
            "GroupId": group,
            "GroupName": f"eks-cluster-sg-{body['name']}",
            "Description": "EKS created security group applied to the control plane and nodes",
            "VpcId": network["vpcId"],
            "OwnerId": _clusters()[body["name"]]["arn"].split(":")[4],
            "IpPermissions": [],
            "IpPermissionsEgress": [],
        }
        tags = {f"kubernetes.io/cluster/{body['name']}": "owned"}
        ec2._tags[group] = [{"Key": key, "Value": value} for key, value in tags.items()]  # noqa: SLF001
        return _as_described(body["name"])

    return bridged


def cluster_takes_its_group_along(delete_cluster: _Handle) -> _Handle:
    """A cluster's security group goes with it, as on AWS; else its VPC could not be deleted."""

    def bridged(name: str) -> Response:
        cluster = _clusters().get(name)
        answer = delete_cluster(name)
        if cluster is not None and answer[0] == _OK:
            group = cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]
            ec2._security_groups.pop(group, None)  # noqa: SLF001
            ec2._tags.pop(group, None)  # noqa: SLF001
        return answer

    return bridged


def issuer_of_eks(sanitize: Callable[[_Record], _Record]) -> Callable[[_Record], _Record]:
    """A cluster's OIDC issuer is an https URL of EKS.

    ministack's own is http://, which the provider of an identity refuses.
    """

    def bridged(cluster: _Record) -> _Record:
        shown = sanitize(cluster)
        identity = shown["identity"]["oidc"]["issuer"].rpartition("/")[2]
        issuer = f"https://oidc.eks.{get_region()}.amazonaws.com/id/{identity}"
        return {**shown, "identity": {"oidc": {"issuer": issuer}}}

    return bridged


def api_server(
    kubernetes: KubernetesEndpoint | None,
) -> Callable[[Callable[[_Record], _Record]], Callable[[_Record], _Record]]:
    """A cluster's API server is one that answers, where there is one.

    ministack starts k3s in a container; without a container engine nothing listens where it says.
    """

    def wrap(sanitize: Callable[[_Record], _Record]) -> Callable[[_Record], _Record]:
        if kubernetes is None:
            return sanitize
        authority = base64.b64encode(kubernetes.certificate_path.read_bytes()).decode()
        overlay = {"endpoint": kubernetes.url, "certificateAuthority": {"data": authority}}

        def bridged(cluster: _Record) -> _Record:
            return {**sanitize(cluster), **overlay}

        return bridged

    return wrap


def echoed_node_group(create_nodegroup: _Handle) -> _Handle:
    """A node group keeps its launch template and how many nodes an update may take away."""

    def bridged(cluster_name: str, body: _Record) -> Response:
        answer = create_nodegroup(cluster_name, body)
        if answer[0] != _OK:
            return answer
        group = eks._nodegroups[f"{cluster_name}/{body['nodegroupName']}"]  # noqa: SLF001
        group["updateConfig"] = body.get("updateConfig", {"maxUnavailable": 1})
        if template := body.get("launchTemplate"):
            group["launchTemplate"] = template
            # The template says how large the disk is.
            group.pop("diskSize", None)
        return _json(answer, {"nodegroup": group})

    return bridged


def associations_of_addon(write_addon: _Handle) -> _Handle:
    """An add-on's pod identity associations are associations of the cluster.

    The add-on names them by their ARNs, and they go with it. ministack keeps the words of the
    request in the place of the ARNs.
    """

    def bridged(cluster_name: str, *arguments: Any) -> Response:
        answer = write_addon(cluster_name, *arguments)
        body = arguments[-1]
        if answer[0] != _OK or "podIdentityAssociations" not in body:
            return answer
        name = body.get("addonName") or arguments[0]
        addon = eks._addons[f"{cluster_name}/{name}"]  # noqa: SLF001
        _delete_associations(cluster_name, addon["addonArn"])
        addon["podIdentityAssociations"] = [
            _associate(cluster_name, addon, wanted) for wanted in body["podIdentityAssociations"]
        ]
        return _json(answer, {"addon": addon}) if "addonName" in body else answer

    return bridged


def addon_takes_its_associations_along(delete_addon: _Handle) -> _Handle:
    """An add-on's pod identity associations are deleted with it."""

    def bridged(cluster_name: str, addon_name: str) -> Response:
        addon = eks._addons.get(f"{cluster_name}/{addon_name}")  # noqa: SLF001
        if addon:
            _delete_associations(cluster_name, addon["addonArn"])
        return delete_addon(cluster_name, addon_name)

    return bridged


_PINNED = {pin.name: pin.version for pin in pins.ADDONS}


def addon_versions(handle_request: _Handle) -> _Handle:
    """DescribeAddonVersions answers, for any add-on, with one version that is the default.

    ministack has no such operation. The version is the one that is pinned, of an add-on that is not
    pinned it is made up; what EKS's default is on the day is not known here.
    """

    def bridged(method: str, path: str, headers: Any, body: bytes, query: _Record) -> Response:
        if (method, path) != ("GET", "/addons/supported-versions"):
            return handle_request(method, path, headers, body, query)
        asked = {name: value[0] for name, value in query.items()}
        version = asked.get("kubernetesVersion", "1.35")
        name = asked.get("addonName", "")
        offered = {
            "addonVersion": f"v{_PINNED.get(name, f'{version}.0-eksbuild.1')}",
            "architecture": ["amd64", "arm64"],
            "compatibilities": [
                {"clusterVersion": version, "platformVersions": ["*"], "defaultVersion": True}
            ],
        }
        addon = {"addonName": name, "addonVersions": [offered]}
        content = {"addons": [addon] if name else []}
        return _OK, {"Content-Type": "application/json"}, json.dumps(content).encode()

    return bridged


def bridges(kubernetes: KubernetesEndpoint | None) -> tuple[Bridge, ...]:
    """EKS's bridges.

    Args:
        kubernetes: What every cluster says of its API server.
    """
    return (
        Bridge(eks, "_create_cluster", echoed_cluster),
        Bridge(eks, "_create_cluster", cluster_in_its_vpc),
        Bridge(eks, "_delete_cluster", cluster_takes_its_group_along),
        Bridge(eks, "_sanitize", issuer_of_eks),
        Bridge(eks, "_sanitize", api_server(kubernetes)),
        Bridge(eks, "_create_nodegroup", echoed_node_group),
        Bridge(eks, "_create_addon", associations_of_addon),
        Bridge(eks, "_update_addon", associations_of_addon),
        Bridge(eks, "_delete_addon", addon_takes_its_associations_along),
        Bridge(eks, "_handle_request_sync", addon_versions),
    )


def _clusters() -> Any:
    return eks._clusters  # noqa: SLF001


def _as_described(name: str) -> Response:
    answer: Response = eks._describe_cluster(name)  # noqa: SLF001
    return answer


def _json(answer: Response, content: _Record) -> Response:
    return answer[0], answer[1], json.dumps(content).encode()


def _associate(cluster_name: str, addon: _Record, wanted: _Record) -> str:
    namespace = "amazon-cloudwatch" if "cloudwatch" in addon["addonName"] else "kube-system"
    _, _, content = eks._create_pod_identity_association(  # noqa: SLF001
        cluster_name, {"namespace": namespace, **wanted}
    )
    identity = json.loads(content)["association"]["associationId"]
    association = eks._pod_identity_associations[  # noqa: SLF001
        eks._pia_key(cluster_name, identity)  # noqa: SLF001
    ]
    association["ownerArn"] = addon["addonArn"]
    arn: str = association["associationArn"]
    return arn


def _delete_associations(cluster_name: str, owner_arn: str) -> None:
    for association in list(eks._pod_identity_associations.values()):  # noqa: SLF001
        if association["ownerArn"] == owner_arn:
            eks._delete_pod_identity_association(  # noqa: SLF001
                cluster_name, association["associationId"]
            )
