"""Golden files: a change of the chart shows in them. `make chart-golden` writes them anew."""

from pathlib import Path

import pytest
import yaml

from tests.charts.golden import FOLDER, manifests_text
from tests.charts.helm import Helm, Values

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("kind", ["sdwebui", "comfyui", "custom"])
def test_example(helm: Helm, examples: dict[str, Values], kind: str) -> None:
    golden = FOLDER / f"{kind}.yaml"
    assert manifests_text(helm.render(examples[kind])) == golden.read_text()


def test_every_example_has_a_golden_file(examples: dict[str, Values]) -> None:
    assert {Path(name).stem for name in examples} == {path.stem for path in FOLDER.iterdir()}
    for path in FOLDER.iterdir():
        assert list(yaml.safe_load_all(path.read_text()))
