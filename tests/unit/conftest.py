import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parents[1] / "data" / "contract"


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Any]:
    """Reads one of the golden JSON files that the Lambda's and the agent's tests share."""
    return lambda name: json.loads((GOLDEN / f"{name}.json").read_text())
