"""Where a prerequisite is missing, a laptop is told so and CI fails."""

from pathlib import Path

import pytest

from tests.charts.prerequisites import crd_files

pytestmark = pytest.mark.unit


def test_a_laptop_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="make crds"):
        crd_files((tmp_path,))


def test_ci_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="make crds"):
        crd_files((tmp_path,))


def test_half_a_folder_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    (tmp_path / "karpenter.sh_nodepools.yaml").touch()
    with pytest.raises(pytest.fail.Exception):
        crd_files((tmp_path,))
