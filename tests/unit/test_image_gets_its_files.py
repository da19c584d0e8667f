"""The agent's Dockerfile copies only files that .dockerignore lets into the build."""

from pathlib import Path

import pytest

from tests.unit.test_architecture import MAY_IMPORT

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]


def copied() -> set[str]:
    """What the Dockerfile takes from the repository."""
    lines = (ROOT / "agent" / "Dockerfile").read_text().splitlines()
    words = [line.split() for line in lines if line.startswith("COPY ") and "--from" not in line]
    return {source for line in words for source in line[1:-1]}


def test_all_that_is_copied_is_let_in_and_there() -> None:
    ignored, *rules = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}

    assert ignored == "*"
    assert copied() == let_in
    assert all((ROOT / source).exists() for source in let_in)


def test_all_packages_that_the_agent_imports_are_copied() -> None:
    packages = {Path(source).name for source in copied()} - {"agent.txt"}

    assert packages == MAY_IMPORT["easel_agent"] | {"easel_agent"}
