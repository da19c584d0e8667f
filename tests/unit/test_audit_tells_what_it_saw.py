"""`make audit` calls nothing sound that it has not looked at."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.unit

SCRIPT = Path(__file__).parents[2] / "scripts" / "audit"
SOUND = {"name": "requests", "version": "2.34.2", "vulns": []}
SKIPPED = {"name": "boto3", "skip_reason": "Dependency not found on PyPI and could not be audited"}
KNOWN = {
    "name": "urllib3",
    "version": "1.0",
    "vulns": [
        {"id": "CVE-2026-1", "fix_versions": ["1.1", "2.0"]},
        {"id": "CVE-2026-2", "fix_versions": []},
    ],
}


def audit(tmp_path: Path, packages: list[dict[str, Any]] | None) -> tuple[int, str]:
    """Runs the script on a pip-audit that knows of these; of None it breaks off."""
    stub = tmp_path / "pip-audit"
    said = "" if packages is None else json.dumps({"dependencies": packages})
    (tmp_path / "said").write_text(said)
    stub.write_text(f"#!/bin/sh\ncat '{tmp_path}/said'\necho 'broken off' >&2\nexit 1\n")
    stub.chmod(0o755)
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env={**os.environ, "PIP_AUDIT": str(stub)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([SOUND], 0, "audit: 3 packages looked at\n"),
        ([SKIPPED, SKIPPED], 0, "NOT AUDITED: no vulnerability database is reached; 6 packages"),
        ([SOUND, SKIPPED], 0, "3 packages looked at, 3 not"),
        ([SOUND, KNOWN], 1, "urllib3 1.0: CVE-2026-1, mended in 1.1, 2.0 (requirements/dev.txt)"),
        ([SOUND, KNOWN], 1, "CVE-2026-2, mended in no version yet (requirements/scan.txt)"),
        (None, 1, "pip-audit failed on"),
        (None, 1, "broken off"),
    ],
)
def test_what_was_found_and_what_was_not_looked_at(
    tmp_path: Path, packages: list[dict[str, Any]] | None, code: int, said: str
) -> None:
    ended, output = audit(tmp_path, packages)
    assert ended == code
    assert said in output
    assert "Traceback" not in output
