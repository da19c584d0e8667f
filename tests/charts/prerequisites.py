"""What the tests need and cannot install themselves."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

from easel_cli.crds import KEPT


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
