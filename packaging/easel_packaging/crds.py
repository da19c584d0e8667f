"""Pulls the public charts that a cluster gets, and their CRDs: `python -m easel_packaging.crds`.

Tests check our chart's manifests against the CRDs, as the cluster's API server would; and what
modules/ set against the charts' values, as Helm does not: it ignores what it does not know.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from easel_deploy.helm_binary import HelmMissingError, find_helm
from easel_deploy.pins import pulled

FOLDER = Path(".easel", "crds")
CHART_FOLDER = Path(".easel", "charts")
KEPT = frozenset(
    {
        "ec2nodeclasses.karpenter.k8s.aws",
        "nodepools.karpenter.sh",
        "scaledobjects.keda.sh",
        "triggerauthentications.keda.sh",
    }
)
"""The kinds that charts/sd-runtime makes."""

_PULL_SECONDS = 300


@dataclass(frozen=True)
class PublicChart:
    """A chart of somebody else's.

    Attributes:
        reference: with `oci://`; or its name in the repository.
        version: of the chart.
        repository: address of an HTTP repository.
        has_crds: whether its CRDs are those that a cluster gets.
    """

    reference: str
    version: str
    repository: str | None = None
    has_crds: bool = True

    @property
    def name(self) -> str:
        """Its own name."""
        return self.reference.rpartition("/")[2]


CHARTS = tuple(
    PublicChart(
        chart.reference,
        chart.version,
        chart.repository,
        # Karpenter's has the same CRDs as karpenter-crd, which its release leaves out.
        has_crds=chart is not pulled.KARPENTER_CHART,
    )
    for chart in pulled.CHARTS
)


class CrdError(Exception):
    """The CRDs cannot be had; the message says why."""


def pull(charts: tuple[PublicChart, ...], folder: Path, chart_folder: Path) -> list[Path]:
    """Keeps the charts, and writes one file for each CRD that the tests need.

    Args:
        charts: where they come from.
        folder: where the CRDs go to; it is made.
        chart_folder: where the charts go to, each into a folder of its name; it is made.

    Returns:
        The CRDs' files, named `<group>_<plural>.yaml` as controller-gen names them.

    Raises:
        CrdError: a chart cannot be pulled, or a CRD is in none of them. Nothing is kept then.
        easel_deploy.helm_binary.HelmMissingError: there is no helm.
    """
    with tempfile.TemporaryDirectory() as pulled:
        for chart in charts:
            _pull(chart, Path(pulled))
        holders = [Path(pulled, chart.name) for chart in charts if chart.has_crds]
        found = {crd["metadata"]["name"]: crd for holder in holders for crd in _crds(holder)}
        if missing := KEPT - found.keys():
            raise CrdError(f"in none of the charts: {', '.join(sorted(missing))}")
        for chart in charts:
            kept = chart_folder / chart.name
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(Path(pulled, chart.name), kept)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name in sorted(KEPT):
        plural, _, group = name.partition(".")
        path = folder / f"{group}_{plural}.yaml"
        path.write_text(yaml.safe_dump(found[name], sort_keys=False))
        files.append(path)
    return files


def _pull(chart: PublicChart, folder: Path) -> None:
    command = ["pull", chart.reference, "--version", chart.version]
    command += ["--untar", "--untardir", str(folder)]
    if chart.repository:
        command += ["--repo", chart.repository]
    _helm(command, f"{chart.reference} {chart.version}")


def _crds(chart: Path) -> list[dict[str, Any]]:
    written = _helm(["template", "crds", str(chart), "--include-crds"], chart.name)
    documents = yaml.safe_load_all(written)
    return [one for one in documents if one and one.get("kind") == "CustomResourceDefinition"]


def _helm(arguments: list[str], what: str) -> str:
    try:
        answer = subprocess.run(  # noqa: S603 - every word is ours
            [str(find_helm()), *arguments],
            capture_output=True,
            text=True,
            timeout=_PULL_SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise CrdError(f"{what}: {error.stderr.strip()}") from error
    except subprocess.TimeoutExpired as error:
        raise CrdError(f"{what}: no answer within {_PULL_SECONDS} s") from error
    return answer.stdout


def main() -> int:
    """Pulls them into folders and names the files."""
    parser = argparse.ArgumentParser(description="Pulls the charts and CRDs of Karpenter and KEDA.")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the CRDs")
    parser.add_argument("--chart-folder", type=Path, default=CHART_FOLDER, help="of the charts")
    arguments = parser.parse_args()
    try:
        files = pull(CHARTS, arguments.folder, arguments.chart_folder)
    except (CrdError, HelmMissingError) as error:
        sys.stderr.write(f"easel: {error}\n")
        return 1
    charts = [arguments.chart_folder / chart.name for chart in CHARTS]
    sys.stdout.writelines(f"{path}\n" for path in [*files, *charts])
    return 0


if __name__ == "__main__":
    sys.exit(main())
