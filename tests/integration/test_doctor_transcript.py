"""The transcript in the documents is what `easel doctor` prints."""

from pathlib import Path

import pytest

from tests.integration.doctor_transcript import TRANSCRIPT, transcript

pytestmark = pytest.mark.integration


def test_the_transcript_is_what_is_printed(tmp_path: Path) -> None:
    assert transcript(tmp_path) == TRANSCRIPT.read_text()
