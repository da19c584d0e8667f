"""Root modules of other repositories get the modules by git: as modules/README.md shows it."""

import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.plan

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = re.compile(r'"git::[a-z]+://[^"]*?easel\.git//([^?"]+)\?ref=[^"]+"')


def run(*command: str, folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_example_gets_its_modules(tmp_path: Path) -> None:
    readme = (ROOT / "modules" / "README.md").read_text()
    (example,) = [
        block
        for block in re.findall(r"^```hcl\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
        if "git::" in block
    ]
    commit = run("git", "rev-parse", "HEAD", folder=ROOT).strip()
    here, count = ADDRESS.subn(rf'"git::file://{ROOT}//\1?ref={commit}"', example)
    assert count == len(ADDRESS.findall(example)) == 2
    (tmp_path / "main.tf").write_text(here)
    run("terraform", "get", "-no-color", folder=tmp_path)
    fetched = tmp_path / ".terraform" / "modules"
    for name, folder in (("vpc", "vpc"), ("model_bucket", "model-bucket")):
        assert (fetched / name / "modules" / folder / "main.tf").is_file()
        # The whole repository, where modules find each other.
        assert (fetched / name / "modules" / "helm-release" / "main.tf").is_file()
