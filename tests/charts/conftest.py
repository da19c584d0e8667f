import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from easel_cli.crds import FOLDER, KEPT
from easel_cli.helm_binary import find_helm
from tests.charts.crd_schema import CustomResourceDefinition
from tests.charts.helm import CHART, Helm, Manifest, Values
from tests.charts.manifests import Validate, manifest_problems

ROOT = Path(__file__).parents[2]
CRD_FOLDERS = (ROOT.parent / "shared" / "crds", ROOT / FOLDER)


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(find_helm(ROOT / ".easel" / "tools"), tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def examples() -> dict[str, Values]:
    """The chart's complete examples, by runtime type."""
    return {
        path.name.removesuffix("-values.yaml"): yaml.safe_load(path.read_text())
        for path in (CHART / "ci").glob("*-values.yaml")
    }


@pytest.fixture(scope="session")
def sdwebui(examples: dict[str, Values]) -> Values:
    return examples["sdwebui"]


def _crd_files() -> list[Path]:
    names = []
    for name in KEPT:
        plural, _, group = name.partition(".")
        names.append(f"{group}_{plural}.yaml")
    for folder in CRD_FOLDERS:
        if all((folder / name).is_file() for name in names):
            return [folder / name for name in names]
    reason = "the CRDs of Karpenter and KEDA are not here: make crds"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def crds() -> dict[str, CustomResourceDefinition]:
    """The CRDs that the chart's manifests need, by kind."""
    loaded = (CustomResourceDefinition.load(path) for path in _crd_files())
    return {crd.kind: crd for crd in loaded}


@pytest.fixture(scope="session")
def problems(crds: dict[str, CustomResourceDefinition]) -> Validate:
    """Returns what an API server would refuse of manifests."""

    def problems_of(manifests: list[Manifest]) -> list[str]:
        return manifest_problems(manifests, crds)

    return problems_of


@pytest.fixture(scope="session")
def rendered(helm: Helm) -> Callable[[Values], list[Manifest]]:
    return helm.render
