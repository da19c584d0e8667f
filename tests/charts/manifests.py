"""Checks manifests without a cluster: core kinds by Kubernetes' schemas, others by CRDs."""

from collections.abc import Callable, Iterator
from functools import cache

import kubernetes_validate  # type: ignore[import-untyped]
import kubernetes_validate.utils  # type: ignore[import-untyped]

from tests.charts.crd_schema import CustomResourceDefinition
from tests.charts.helm import Manifest

KUBERNETES = ("1.35", "1.36")
"""The versions that easel is built for."""

Validate = Callable[[list[Manifest]], list[str]]

# Else every manifest has it read all of a version's definitions, 1.7 MB of JSON.
kubernetes_validate.utils.schema_contents = cache(kubernetes_validate.utils.schema_contents)


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
        else:
            found += [f"{label}: {problem}" for problem in _core_problems(manifest)]
    return found


def _core_problems(manifest: Manifest) -> Iterator[str]:
    for version in KUBERNETES:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{error.json_path}: {error.message}"
        except kubernetes_validate.SchemaNotFoundError as error:
            yield error.message
        else:
            continue
        # One version's complaint is enough.
        return
