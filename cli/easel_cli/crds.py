"""Pulls the CRDs that the chart's manifests are checked against: `python -m easel_cli.crds`.

They are rendered from the very charts that a cluster gets, so they are what its API server would
check with.
"""

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from easel_cli.helm_binary import HelmMissingError, find_helm

FOLDER = Path(".easel", "crds")
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
class CrdChart:
    """A chart that holds CRDs."""

    reference: str
    version: str
    repository: str | None = None


CHARTS = (
    CrdChart("oci://public.ecr.aws/karpenter/karpenter-crd", "1.14.1"),
    CrdChart("keda", "2.20.2", "https://kedacore.github.io/charts"),
)


class CrdError(Exception):
    """The CRDs cannot be had; the message says why."""


def pull(charts: tuple[CrdChart, ...], folder: Path) -> list[Path]:
    """Writes one file for each CRD that the chart's tests need.

    Args:
        charts: where they come from.
        folder: where to; it is made.

    Returns:
        The files, named `<group>_<plural>.yaml` as controller-gen names them.

    Raises:
        CrdError: a chart cannot be pulled, or a CRD is in none of them.
        easel_cli.helm_binary.HelmMissingError: there is no helm.
    """
    found = {crd["metadata"]["name"]: crd for chart in charts for crd in _crds(chart)}
    if missing := KEPT - found.keys():
        raise CrdError(f"in none of the charts: {', '.join(sorted(missing))}")
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name in sorted(KEPT):
        plural, _, group = name.partition(".")
        path = folder / f"{group}_{plural}.yaml"
        path.write_text(yaml.safe_dump(found[name], sort_keys=False))
        files.append(path)
    return files


def _crds(chart: CrdChart) -> list[dict[str, Any]]:
    command = [str(find_helm()), "template", "crds", chart.reference, "--version", chart.version]
    command.append("--include-crds")
    if chart.repository:
        command += ["--repo", chart.repository]
    try:
        answer = subprocess.run(  # noqa: S603 - every word is ours
            command, capture_output=True, text=True, timeout=_PULL_SECONDS, check=True
        )
    except subprocess.CalledProcessError as error:
        raise CrdError(f"{chart.reference} {chart.version}: {error.stderr.strip()}") from error
    except subprocess.TimeoutExpired as error:
        raise CrdError(f"{chart.reference}: no answer within {_PULL_SECONDS} s") from error
    documents = yaml.safe_load_all(answer.stdout)
    return [one for one in documents if one and one.get("kind") == "CustomResourceDefinition"]


def main() -> int:
    """Pulls them into a folder and names the files."""
    parser = argparse.ArgumentParser(description="Pulls the CRDs of Karpenter and KEDA.")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    try:
        files = pull(CHARTS, arguments.folder)
    except (CrdError, HelmMissingError) as error:
        sys.stderr.write(f"easel: {error}\n")
        return 1
    sys.stdout.writelines(f"{file}\n" for file in files)
    return 0


if __name__ == "__main__":
    sys.exit(main())
