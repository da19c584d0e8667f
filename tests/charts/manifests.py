"""Checks manifests without a cluster: core kinds by Kubernetes' schemas, others by CRDs."""

from collections.abc import Callable

import kubernetes_validate

from tests.charts.crd_schema import CustomResourceDefinition
from tests.charts.helm import Manifest

KUBERNETES = "1.35"
"""The version that modules/eks-karpenter starts by default."""

Validate = Callable[[list[Manifest]], list[str]]


def manifest_problems(
    manifests: list[Manifest], crds: dict[str, CustomResourceDefinition]
) -> list[str]:
    """Returns what an API server with strict field validation would refuse."""
    found = []
    for manifest in manifests:
        kind = manifest["kind"]
        label = f"{kind} {manifest['metadata']['name']}"
        if kind in crds:
            found += [f"{label}: {problem}" for problem in crds[kind].problems(manifest)]
            continue
        try:
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{label}: {error.json_path}: {error.message}")
        except kubernetes_validate.SchemaNotFoundError as error:
            found.append(f"{label}: {error.message}")
    return found
