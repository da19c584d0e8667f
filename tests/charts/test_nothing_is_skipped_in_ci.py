"""Where a prerequisite is missing, a laptop is told so and CI fails."""

from pathlib import Path

import pytest

from easel_packaging.crds import PublicChart
from tests.charts.prerequisites import crd_files, public_chart

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


def test_a_public_chart_is_none_in_another_version(tmp_path: Path) -> None:
    chart = PublicChart("oci://registry.invalid/c", "1.2.3")
    assert public_chart(chart, tmp_path) is None
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "Chart.yaml").write_text("version: 1.2.4")
    assert public_chart(chart, tmp_path) is None
    (tmp_path / "c" / "Chart.yaml").write_text("version: 1.2.3")
    assert public_chart(chart, tmp_path) == tmp_path / "c"
