"""`make demo` makes a picture with every runtime that `RUNTIMES=` can name."""

from pathlib import Path

import pytest

from easel_cli.progress import Progress
from easel_cli.target import Target
from easel_local.demo import generate_pictures

pytestmark = pytest.mark.e2e


def test_the_demo(
    env: str, target: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Of a stack that is there: a picture with each runtime that it has.
    assert env != "local" or len(target.runtimes) == 3
    pictures = generate_pictures(target, Progress(), tmp_path)
    assert len(pictures) == len(target.runtimes)
    assert all(picture.is_file() for picture in pictures)
    said = capsys.readouterr().out
    for runtime in target.runtimes:
        assert f"done  POST /v1alpha2 for {runtime}" in said
