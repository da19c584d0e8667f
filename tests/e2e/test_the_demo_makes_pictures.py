"""`make demo` makes a picture with every runtime that `RUNTIMES=` can name."""

from pathlib import Path

import pytest

from easel_cli.progress import Progress
from easel_local.demo import generate_pictures

from .conftest import EmulatedStack

pytestmark = pytest.mark.e2e


def test_the_demo(
    local_stack: EmulatedStack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = generate_pictures(local_stack.target, Progress(), tmp_path)
    assert len(pictures) == len(local_stack.target.runtimes) == 3
    assert all(picture.is_file() for picture in pictures)
    said = capsys.readouterr().out
    for runtime in local_stack.target.runtimes:
        assert f"done  POST /v1alpha2 for {runtime}" in said
