from pathlib import Path

import pytest
import yaml

from easel_deploy.helm_binary import find_helm
from easel_packaging.crds import FOLDER
from tests.charts.crd_schema import CustomResourceDefinition
from tests.charts.helm import CHART, Helm, Manifest, Values
from tests.charts.manifests import Validate, manifest_problems
from tests.charts.prerequisites import crd_files

ROOT = Path(__file__).parents[2]
CRD_FOLDERS = (ROOT.parent / "shared" / "crds", ROOT / FOLDER)


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    # Helm 3 renders the same, but refuses in other words and does not apply on the server's side.
    binary = find_helm(ROOT / ".easel" / "tools", oldest=(4, 1))
    return Helm(binary, tmp_path_factory.mktemp("helm"))


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


@pytest.fixture(scope="session")
def crds() -> dict[str, CustomResourceDefinition]:
    """The CRDs that the chart's manifests need, by kind."""
    loaded = (CustomResourceDefinition.load(path) for path in crd_files(CRD_FOLDERS))
    return {crd.kind: crd for crd in loaded}


@pytest.fixture(scope="session")
def problems(crds: dict[str, CustomResourceDefinition]) -> Validate:
    """Returns what an API server would refuse of manifests."""

    def problems_of(manifests: list[Manifest]) -> list[str]:
        return manifest_problems(manifests, crds)

    return problems_of
