"""`make load`, as a script uses it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .stacks import Stack, written

pytestmark = pytest.mark.e2e

RATE, SECONDS = 2, 8


def test_a_load_ends_whole_and_is_reported(stack: Stack, sdwebui: str, tmp_path: Path) -> None:
    outputs = written(stack.values(), tmp_path / "outputs.json")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "easel_load", "constant", "--yes", "--json"),
            *("--outputs", str(outputs), "--runtime", sdwebui, "--out", str(tmp_path)),
            *("--rate", str(RATE), "--seconds", str(SECONDS)),
            *("--timeout", str(stack.result_seconds)),
        ],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=stack.result_seconds + 120,
    )
    assert done.returncode == 0, done.stderr
    [run] = json.loads(done.stdout)["runs"]
    # By chance as many come as a Poisson process has them: 16 in the mean, hardly ever none.
    assert 0 < run["sent"] == run["accepted"] == run["completed"]
    assert (run["lost"], run["not_ended"], run["begun_again"], run["refusals"]) == (0, 0, 0, {})
    ended = run["end_to_end"]
    assert 0 < ended["p50"] <= ended["p95"] <= ended["p99"]
    assert ended["p50"] >= run["phases"]["generation"]
    page = (tmp_path / "report.html").read_text()
    assert re.search(r"Half of the tasks ended within \d", page)
    sent = [json.loads(line) for line in (tmp_path / "sent-1.jsonl").read_text().splitlines()]
    assert {one["tenant"] for one in sent} == {"default"}
    assert len({one["uid"] for one in sent}) == run["sent"]
