"""What an API server says that it serves: groups, resources and their OpenAPI.

Beside the built-in kinds it serves those of the CustomResourceDefinitions that it holds, and no
others: a release that comes before its CRDs fails as it does on a real server.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Resource:
    """A kind and where its objects are."""

    group_version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def prefix(self) -> str:
        """The path that the group's resources are under."""
        return f"{'apis' if '/' in self.group_version else 'api'}/{self.group_version}"


CRD_KIND = "CustomResourceDefinition"

_RBAC = "rbac.authorization.k8s.io/v1"
_ADMISSION = "admissionregistration.k8s.io/v1"

BUILT_IN = (
    Resource("v1", "namespaces", "Namespace", namespaced=False),
    Resource("v1", "nodes", "Node", namespaced=False),
    Resource("v1", "pods", "Pod"),
    Resource("v1", "secrets", "Secret"),
    Resource("v1", "configmaps", "ConfigMap"),
    Resource("v1", "services", "Service"),
    Resource("v1", "serviceaccounts", "ServiceAccount"),
    Resource("v1", "events", "Event"),
    Resource("v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
    Resource("v1", "persistentvolumes", "PersistentVolume", namespaced=False),
    Resource("apps/v1", "deployments", "Deployment"),
    Resource("apps/v1", "replicasets", "ReplicaSet"),
    Resource("autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
    Resource("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget"),
    Resource("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy"),
    Resource("coordination.k8s.io/v1", "leases", "Lease"),
    Resource(_RBAC, "roles", "Role"),
    Resource(_RBAC, "rolebindings", "RoleBinding"),
    Resource(_RBAC, "clusterroles", "ClusterRole", namespaced=False),
    Resource(_RBAC, "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    Resource(
        _ADMISSION,
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        namespaced=False,
    ),
    Resource("apiregistration.k8s.io/v1", "apiservices", "APIService", namespaced=False),
    Resource("apiextensions.k8s.io/v1", "customresourcedefinitions", CRD_KIND, namespaced=False),
)

_EVICTION: dict[str, Any] = {
    "name": "pods/eviction",
    "singularName": "",
    "kind": "Eviction",
    "group": "policy",
    "version": "v1",
    "namespaced": True,
    "verbs": ["create"],
}
_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


def served(definitions: Iterable[dict[str, Any]]) -> tuple[Resource, ...]:
    """Returns all resources, those of CustomResourceDefinitions included."""
    custom = [
        Resource(
            f"{one['spec']['group']}/{version['name']}",
            one["spec"]["names"]["plural"],
            one["spec"]["names"]["kind"],
            one["spec"]["scope"] == "Namespaced",
        )
        for one in definitions
        for version in one["spec"]["versions"]
        if version.get("served", True)
    ]
    return (*BUILT_IN, *custom)


def discovery(path: str, resources: Sequence[Resource]) -> dict[str, Any] | None:
    """Returns the answer to a GET of a discovery path, or None where it is none."""
    fixed: dict[str, dict[str, Any]] = {
        "version": {"major": "1", "minor": "35", "gitVersion": "v1.35.0"},
        "api": {"kind": "APIVersions", "versions": ["v1"]},
        "apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": _groups(resources)},
        "openapi/v3": {"paths": _openapi_index(resources)},
    }
    if path in fixed:
        return fixed[path]
    for resource in resources:
        if path == resource.prefix:
            return _resource_list(resource.group_version, resources)
        if path == f"openapi/v3/{resource.prefix}":
            return _openapi(resource.group_version, resources)
    return None


def _groups(resources: Sequence[Resource]) -> list[dict[str, Any]]:
    groups = []
    for group_version in sorted(
        {one.group_version for one in resources if "/" in one.group_version}
    ):
        group, _, version = group_version.partition("/")
        versions = {"groupVersion": group_version, "version": version}
        groups.append({"name": group, "versions": [versions], "preferredVersion": versions})
    return groups


def _resource_list(group_version: str, resources: Sequence[Resource]) -> dict[str, Any]:
    listed: list[dict[str, Any]] = [
        {
            "name": one.plural,
            "singularName": one.kind.lower(),
            "kind": one.kind,
            "namespaced": one.namespaced,
            "verbs": _VERBS,
        }
        for one in resources
        if one.group_version == group_version
    ]
    if group_version == "v1":
        listed.append(_EVICTION)
    return {"kind": "APIResourceList", "groupVersion": group_version, "resources": listed}


def _openapi_index(resources: Sequence[Resource]) -> dict[str, Any]:
    # A client keeps what it was told until this hash is another.
    hashes = {one.prefix: abs(hash(tuple(resources))) for one in resources}
    return {
        prefix: {"serverRelativeURL": f"/openapi/v3/{prefix}?hash={number}"}
        for prefix, number in hashes.items()
    }


def _openapi(group_version: str, resources: Sequence[Resource]) -> dict[str, Any]:
    # Helm looks here whether the server validates fields.
    paths = {}
    for one in resources:
        if one.group_version == group_version:
            group, _, version = group_version.rpartition("/")
            namespace = "/namespaces/{namespace}" if one.namespaced else ""
            paths[f"/{one.prefix}{namespace}/{one.plural}/{{name}}"] = {
                "patch": {
                    "parameters": [{"name": "fieldValidation", "in": "query"}],
                    "x-kubernetes-action": "patch",
                    "x-kubernetes-group-version-kind": {
                        "group": group,
                        "version": version,
                        "kind": one.kind,
                    },
                }
            }
    return {"openapi": "3.0.0", "info": {"title": "in memory", "version": "1"}, "paths": paths}
