"""envs/*/backend.tf.example: state in S3, locked by S3's own lock file."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from easel_deploy.terraform_config import write_cli_config
from easel_local.emulator import Emulator

pytestmark = pytest.mark.integration

EXAMPLES = sorted((Path(__file__).parents[2] / "envs").glob("*/backend.tf.example"))
LOCK = {
    "ID": "5b0c7d8e-0000-4000-8000-000000000000",
    "Operation": "OperationTypeApply",
    "Who": "someone@else",
    "Version": "1.11.4",
    "Created": "2026-11-22T00:00:00Z",
}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.parent.name)
def test_the_example_keeps_and_locks_the_state(
    example: Path, tmp_path: Path, client_of: Callable[[Emulator], Any]
) -> None:
    region = example.parent.name
    key = f"easel/{region}/terraform.tfstate"
    root = tmp_path / region
    root.mkdir()
    (root / "backend.tf").write_bytes(example.read_bytes())
    (root / "main.tf").write_text('resource "terraform_data" "this" {\n  input = "kept"\n}\n')
    with Emulator(log_path=tmp_path / "emulator.log", region=region) as emulator:
        s3 = client_of(emulator)("s3")
        # S3 takes no location for its first region, and needs one for every other.
        place = {} if region == "us-east-1" else {"LocationConstraint": region}
        s3.create_bucket(
            Bucket="my-terraform-states", **({"CreateBucketConfiguration": place} if place else {})
        )
        environment = emulator.environment() | {
            "TF_CLI_CONFIG_FILE": str(write_cli_config(tmp_path / "cli")),
        }
        assert terraform(root, environment, "init", "-input=false").returncode == 0
        applied = terraform(root, environment, "apply", "-auto-approve")
        assert applied.returncode == 0, applied.stderr
        assert not (root / "terraform.tfstate").exists()
        state = json.loads(s3.get_object(Bucket="my-terraform-states", Key=key)["Body"].read())
        assert state["resources"][0]["instances"][0]["attributes"]["output"]["value"] == "kept"

        held = json.dumps(LOCK | {"Path": f"my-terraform-states/{key}"}).encode()
        s3.put_object(Bucket="my-terraform-states", Key=f"{key}.tflock", Body=held)
        refused = terraform(root, environment, "apply", "-auto-approve")
        assert refused.returncode != 0
        assert "Error acquiring the state lock" in refused.stderr
        assert "someone@else" in refused.stderr


def terraform(
    root: Path, environment: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["terraform", *arguments, "-no-color"],
        cwd=root,
        env={name: value for name, value in os.environ.items() if name == "PATH"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
