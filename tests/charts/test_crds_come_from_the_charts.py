"""`make crds` renders the charts of Karpenter and KEDA and keeps the CRDs that the tests need."""

from pathlib import Path

import pytest
import yaml

from easel_cli import crds
from easel_cli.crds import KEPT, CrdChart, CrdError, pull
from tests.charts.crd_schema import CustomResourceDefinition
from tests.charts.helm import Helm

pytestmark = pytest.mark.integration

GUARDED = "{{- if .Values.install }}\n%s\n{{- end }}\n"


def crd(name: str) -> str:
    plural, _, group = name.partition(".")
    version = {"name": "v1", "served": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    return yaml.safe_dump(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": name},
            "spec": {"group": group, "names": {"kind": plural}, "versions": [version]},
        }
    )


def chart(folder: Path, names: list[str]) -> CrdChart:
    """A chart with one CRD under crds/ and the others in templates, as the real ones have them."""
    (folder / "templates").mkdir(parents=True)
    (folder / "crds").mkdir()
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: c\nversion: 1.0.0\n")
    (folder / "values.yaml").write_text("install: true\n")
    for index, name in enumerate(names):
        place = folder / "templates" if index else folder / "crds"
        text = GUARDED % crd(name) if index else crd(name)
        (place / f"{index}.yaml").write_text(text)
    (folder / "templates" / "service.yaml").write_text(
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n"
    )
    return CrdChart(str(folder), "1.0.0")


@pytest.fixture(autouse=True)
def the_helm_of_the_tests(helm: Helm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crds, "find_helm", lambda: helm.binary)


def test_one_file_for_each(tmp_path: Path) -> None:
    source = chart(tmp_path / "chart", [*sorted(KEPT), "others.example.com"])
    files = pull((source,), tmp_path / "out")
    assert [file.name for file in files] == [
        "karpenter.k8s.aws_ec2nodeclasses.yaml",
        "karpenter.sh_nodepools.yaml",
        "keda.sh_scaledobjects.yaml",
        "keda.sh_triggerauthentications.yaml",
    ]
    assert {CustomResourceDefinition.load(file).kind for file in files} == {
        name.partition(".")[0] for name in KEPT
    }


def test_a_missing_one_is_named(tmp_path: Path) -> None:
    source = chart(tmp_path / "chart", ["nodepools.karpenter.sh"])
    with pytest.raises(CrdError, match=r"in none of the charts: ec2nodeclasses\.karpenter\.k8s"):
        pull((source,), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_chart_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CrdError, match="absent 1"):
        pull((CrdChart(str(tmp_path / "absent"), "1"),), tmp_path / "out")
