"""`easel snapshot` and `python -m easel_snapshot` as programs, with real boto3 and no stand-in."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from easel_local.emulator import Emulator
from tests.integration.snapshot_transcript import TRANSCRIPT, transcript

pytestmark = pytest.mark.integration

EASEL = [str(Path(sys.executable).with_name("easel")), "snapshot"]
MODULE = [sys.executable, "-m", "easel_snapshot"]


def run(
    command: list[str], *words: str, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, *words], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("command", [EASEL, MODULE])
def test_list_says_that_there_is_none(emulator: Emulator, command: list[str]) -> None:
    done = run(command, "list", "--region", "eu-west-1", environment=emulator.environment())
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "no snapshot of easel's in eu-west-1\n"


@pytest.mark.parametrize("command", [EASEL, MODULE])
def test_refusals_come_together_and_without_a_traceback(
    emulator: Emulator, command: list[str]
) -> None:
    # With a group of one's own, as ministack makes one for a dry run, too.
    words = ("build", "easel/none:1,B", "--security-group", "sg-00000001")
    done = run(command, *words, "--region", "us-east-1", environment=emulator.environment())
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("easel: refused, nothing was made:\n")
    for said in ("'B' is no image", "no such repository", "has no AMI", "no way out of"):
        assert said in done.stderr


def test_without_credentials_one_line_says_so(tmp_path: Path) -> None:
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    done = run(MODULE, "list", "--region", "us-east-1", environment=bare)
    assert done.returncode == 1
    assert done.stderr == "easel: Unable to locate credentials\n"
    done = run(MODULE, "list", environment=bare)
    assert done.returncode == 2
    assert "no region" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("build",), "IMAGE[,IMAGE...]"),
        (("build", "a:1", "--timeout", "1"), "from 5 to 360"),
        (("build", "a:1", "--initialization-rate", "900"), "from 100 to 300"),
        (("build", "a:1", "--copy-to-region", "moon"), "is not like us-west-2"),
        (("build", "a:1", "--tag", "aws:x=1"), "AWS's own"),
        (("build", "a:1", "--kubernetes-version", "v1"), "is not like 1."),
        (("prune", "--older-than", "-1"), "older-than"),
        ((), ""),
    ],
)
def test_wrong_words_are_told(words: tuple[str, ...], said: str) -> None:
    done = run(MODULE, *words, environment=dict(os.environ))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


_VARYING = (
    (r"\d{8}t\d{6}z-060m-[0-9a-f]{6}", "BUILD"),
    (r"\b(snap|i)-[0-9a-f]{17}\b", r"\1-ID"),
    (r"\d{4}-\d\d-\d\d( \d\d:\d\d)?", "DATE"),
    (r"in \d+ s", "in N s"),
)


def without_what_varies(text: str) -> str:
    for pattern, word in _VARYING:
        text = re.sub(pattern, word, text)
    return text


def test_the_documents_transcript_is_what_the_command_prints(tmp_path: Path) -> None:
    """Where this fails: `python -m tests.integration.snapshot_transcript`."""
    now = without_what_varies(transcript(tmp_path))
    assert without_what_varies(TRANSCRIPT.read_text(encoding="utf-8")) == now
