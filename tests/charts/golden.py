"""Writes the golden files anew: `python -m tests.charts.golden`; look at the difference."""

import tempfile
from pathlib import Path

import yaml

from easel_deploy.helm_binary import find_helm
from tests.charts.helm import CHART, Helm, Manifest

FOLDER = Path(__file__).parent / "golden"


def manifests_text(manifests: list[Manifest]) -> str:
    """Returns manifests in one order and form, whatever version of Helm wrote them."""
    ordered = sorted(manifests, key=lambda one: (one["kind"], one["metadata"]["name"]))
    return yaml.safe_dump_all(ordered, sort_keys=True, width=100)


def main() -> None:
    """Renders the chart's examples."""
    with tempfile.TemporaryDirectory() as home:
        helm = Helm(find_helm(), Path(home))
        FOLDER.mkdir(exist_ok=True)
        for example in (CHART / "ci").glob("*-values.yaml"):
            manifests = helm.render(yaml.safe_load(example.read_text()))
            name = example.name.removesuffix("-values.yaml")
            (FOLDER / f"{name}.yaml").write_text(manifests_text(manifests))


if __name__ == "__main__":
    main()
