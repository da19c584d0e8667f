"""What the tests need and cannot install themselves."""

import os
from pathlib import Path
from typing import NoReturn

import pytest
import yaml

from easel_packaging.crds import CHART_FOLDER, KEPT, PublicChart

ROOT = Path(__file__).parents[2]


def missing(reason: str) -> NoReturn:
    """Skips the test; in CI, where nothing is skipped, fails it."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def crd_files(folders: tuple[Path, ...]) -> list[Path]:
    """Returns the files of the CRDs that the chart's manifests need, from the first full folder."""
    names = []
    for name in sorted(KEPT):
        plural, _, group = name.partition(".")
        names.append(f"{group}_{plural}.yaml")
    for folder in folders:
        if all((folder / name).is_file() for name in names):
            return [folder / name for name in names]
    missing("the CRDs of Karpenter and KEDA are not here: make crds")


def public_chart(chart: PublicChart, folder: Path = ROOT / CHART_FOLDER) -> Path | None:
    """Returns the folder of a chart that `make crds` has pulled; None without its version."""
    described = folder / chart.name / "Chart.yaml"
    if not described.is_file():
        return None
    version = str(yaml.safe_load(described.read_text())["version"])
    return described.parent if version == chart.version else None
