"""`pytest -m e2e --env NAME` from the checkout's root, in any order."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    # The other folders' tests take long to collect, and are not in question.
    program = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*program, "--ignore-glob=tests/[!e]*", f"--artifacts={folder / 'artifacts'}", *words],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    "words",
    [
        "-m e2e --env us-east-1",
        # There is a folder of this name in the checkout.
        "--env local -m e2e",
        "--outputs={file} -m e2e",
    ],
)
def test_the_stack_is_named_in_any_order(tmp_path: Path, words: str) -> None:
    file = tmp_path / "outputs.json"
    file.write_text("{}")
    done = run(tmp_path, "--collect-only", *words.format(file=file).split())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tests/e2e/test_a_picture_comes_back.py::test_v1alpha2_text_to_image" in done.stdout


def test_a_file_that_is_missing_is_a_message(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "e2e", f"--outputs={tmp_path / 'none.json'}")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"--outputs: there is no file {tmp_path / 'none.json'}" in done.stderr


def test_an_unknown_stack_is_a_message_and_leaves_a_report(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "e2e", "--env", "nowhere")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "There is no environment nowhere; there are: " in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    report = ElementTree.parse(tmp_path / "artifacts" / "junit.xml")  # pytest's own
    assert report.getroot().tag == "testsuites"
