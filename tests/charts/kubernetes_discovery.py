"""What an API server says that it serves: groups, resources and their OpenAPI."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Resource:
    group_version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def prefix(self) -> str:
        """The path that the group's resources are under."""
        return f"{'apis' if '/' in self.group_version else 'api'}/{self.group_version}"


RESOURCES = (
    Resource("v1", "namespaces", "Namespace", namespaced=False),
    Resource("v1", "secrets", "Secret"),
    Resource("v1", "configmaps", "ConfigMap"),
    Resource("v1", "serviceaccounts", "ServiceAccount"),
    Resource("v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
    Resource("v1", "persistentvolumes", "PersistentVolume", namespaced=False),
    Resource("apps/v1", "deployments", "Deployment"),
    Resource("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget"),
    Resource("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy"),
    Resource("keda.sh/v1alpha1", "scaledobjects", "ScaledObject"),
    Resource("keda.sh/v1alpha1", "triggerauthentications", "TriggerAuthentication"),
    Resource("karpenter.sh/v1", "nodepools", "NodePool", namespaced=False),
    Resource("karpenter.k8s.aws/v1", "ec2nodeclasses", "EC2NodeClass", namespaced=False),
)
VERBS = ["create", "delete", "get", "list", "patch", "update"]


def discovery(path: str) -> dict[str, Any] | None:
    """Returns the answer to a GET of a discovery path, or None where it is none."""
    fixed: dict[str, dict[str, Any]] = {
        "version": {"major": "1", "minor": "35", "gitVersion": "v1.35.0"},
        "api": {"kind": "APIVersions", "versions": ["v1"]},
        "apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": _groups()},
        "openapi/v3": {"paths": _openapi_index()},
    }
    if path in fixed:
        return fixed[path]
    for resource in RESOURCES:
        if path == resource.prefix:
            return _resource_list(resource.group_version)
        if path == f"openapi/v3/{resource.prefix}":
            return _openapi(resource.group_version)
    return None


def _groups() -> list[dict[str, Any]]:
    groups = []
    for group_version in sorted(
        {one.group_version for one in RESOURCES if "/" in one.group_version}
    ):
        group, _, version = group_version.partition("/")
        versions = {"groupVersion": group_version, "version": version}
        groups.append({"name": group, "versions": [versions], "preferredVersion": versions})
    return groups


def _resource_list(group_version: str) -> dict[str, Any]:
    resources = [
        {"name": one.plural, "kind": one.kind, "namespaced": one.namespaced, "verbs": VERBS}
        for one in RESOURCES
        if one.group_version == group_version
    ]
    return {"kind": "APIResourceList", "groupVersion": group_version, "resources": resources}


def _openapi_index() -> dict[str, Any]:
    return {
        one.prefix: {"serverRelativeURL": f"/openapi/v3/{one.prefix}?hash=1"} for one in RESOURCES
    }


def _openapi(group_version: str) -> dict[str, Any]:
    # Helm looks here whether the server validates fields.
    paths = {}
    for one in RESOURCES:
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
    return {"openapi": "3.0.0", "info": {"title": "test", "version": "1"}, "paths": paths}
