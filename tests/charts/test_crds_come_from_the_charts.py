"""`make crds` pulls the charts of Karpenter and KEDA and keeps them, and the CRDs of the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from easel_packaging import crds
from easel_packaging.crds import KEPT, CrdError, PublicChart, pull
from tests.charts.crd_schema import CustomResourceDefinition
from tests.charts.helm import Helm
from tests.rigs.http_server import files_of, http_server

pytestmark = pytest.mark.integration

GUARDED = "{{- if .Values.install }}\n%s\n{{- end }}\n"


@pytest.fixture(autouse=True)
def the_helm_of_the_tests(helm: Helm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(crds, "find_helm", lambda: helm.binary)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for kind in ("CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"HELM_{kind}_HOME", str(tmp_path / "helm" / kind.lower()))


class Repository:
    """A chart repository on this machine."""

    def __init__(self, folder: Path, helm: Helm, address: str) -> None:
        self.folder, self.helm, self.address = folder, helm, address

    def add(self, name: str, crd_names: list[str]) -> PublicChart:
        """A chart with one CRD under crds/ and the others in templates, as the real ones do."""
        source = self.folder / "sources" / name
        (source / "templates").mkdir(parents=True)
        (source / "crds").mkdir()
        (source / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n")
        (source / "values.yaml").write_text("install: true\n")
        for index, crd_name in enumerate(crd_names):
            place = source / ("templates" if index else "crds")
            text = GUARDED % crd(crd_name) if index else crd(crd_name)
            (place / f"{index}.yaml").write_text(text)
        (source / "templates" / "service.yaml").write_text(
            "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n"
        )
        self.helm.run("package", source, "--destination", self.folder)
        self.helm.run("repo", "index", self.folder, "--url", self.address)
        return PublicChart(name, "1.0.0", self.address)


@pytest.fixture
def repository(tmp_path: Path, helm: Helm) -> Iterator[Repository]:
    folder = tmp_path / "repository"
    folder.mkdir()
    with http_server(files_of(folder)) as url:
        yield Repository(folder, helm, url)


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


def test_one_file_for_each_and_the_charts_themselves(
    tmp_path: Path, repository: Repository
) -> None:
    charts = repository.add("c", [*sorted(KEPT), "others.example.com"]), repository.add("d", [])
    for _ in range(2):
        files = pull(charts, tmp_path / "out", tmp_path / "charts")
    assert [file.name for file in files] == [
        "karpenter.k8s.aws_ec2nodeclasses.yaml",
        "karpenter.sh_nodepools.yaml",
        "keda.sh_scaledobjects.yaml",
        "keda.sh_triggerauthentications.yaml",
    ]
    assert {CustomResourceDefinition.load(file).kind for file in files} == {
        name.partition(".")[0] for name in KEPT
    }
    for name in ("c", "d"):
        assert (tmp_path / "charts" / name / "values.yaml").read_text() == "install: true\n"


def test_crds_are_taken_only_where_the_cluster_gets_them_from(
    tmp_path: Path, repository: Repository
) -> None:
    source = repository.add("c", sorted(KEPT))
    others = PublicChart(source.reference, source.version, source.repository, has_crds=False)
    with pytest.raises(CrdError, match="in none of the charts"):
        pull((others,), tmp_path / "out", tmp_path / "charts")


def test_a_missing_one_is_named_and_nothing_kept(tmp_path: Path, repository: Repository) -> None:
    source = repository.add("c", ["nodepools.karpenter.sh"])
    with pytest.raises(CrdError, match=r"in none of the charts: ec2nodeclasses\.karpenter\.k8s"):
        pull((source,), tmp_path / "out", tmp_path / "charts")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "charts").exists()


def test_a_chart_that_is_not_there_is_named(tmp_path: Path, repository: Repository) -> None:
    repository.add("c", [])
    absent = PublicChart("absent", "1", repository.address)
    with pytest.raises(CrdError, match="absent 1: "):
        pull((absent,), tmp_path / "out", tmp_path / "charts")
