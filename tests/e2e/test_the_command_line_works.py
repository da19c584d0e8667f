"""`easel submit` as a person and as a script use it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from .stacks import Stack, written

pytestmark = pytest.mark.e2e


@pytest.fixture
def outputs(stack: Stack, tmp_path: Path) -> Path:
    return written(stack.values(), tmp_path / "outputs.json")


def easel(outputs: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    verb, *rest = words
    return subprocess.run(
        [sys.executable, "-m", "easel_cli.main", verb, "--outputs", str(outputs), *rest],
        cwd=outputs.parent,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_submit_saves_pictures_and_prints_their_paths(outputs: Path, sdwebui: str) -> None:
    done = easel(
        outputs,
        *("submit", "--runtime", sdwebui, "--prompt", "A dog", "--size", "128x64", "-n", "2"),
    )
    assert done.returncode == 0, done.stderr
    files = [outputs.parent / line for line in done.stdout.splitlines()[-2:]]
    assert [Image.open(file).size for file in files] == [(128, 64)] * 2


@pytest.mark.usefixtures("comfyui")
def test_submit_a_workflow_for_a_script(outputs: Path, tmp_path: Path) -> None:
    workflow: dict[str, Any] = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 32, "batch_size": 1}},
        "2": {"class_type": "SaveImage", "inputs": {"filename_prefix": "a", "images": ["1", 0]}},
    }
    workflow["1"]["inputs"]["color"] = 255
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(workflow))
    done = easel(outputs, "submit", "--workflow", str(file), "--json", "--context", "mine")
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    result = json.loads(line)
    assert (result["result"], result["context"]) == (True, "mine")
    assert Image.open(outputs.parent / result["files"][0]).size == (64, 32)


def test_a_failed_task_and_a_refused_one_have_their_own_exit_status(
    outputs: Path, sdwebui: str
) -> None:
    prompt = ("submit", "--prompt", "x")
    failed = easel(outputs, *prompt, "--runtime", sdwebui, "--size", "0x64")
    assert (failed.returncode, "failed: SD WebUI answered 500" in failed.stdout) == (1, True)
    refused = easel(outputs, *prompt, "--runtime", "nope")
    assert refused.returncode == 3
    assert "task.metadata.runtime: is no runtime" in refused.stderr


def test_the_dashboard_tells_of_the_tasks_that_ran(outputs: Path, sdwebui: str) -> None:
    sent = easel(outputs, "submit", "--runtime", sdwebui, "--prompt", "x", "--size", "64x64")
    assert sent.returncode == 0, sent.stderr
    done = easel(outputs, "dashboard", "--once", "--json")
    assert done.returncode == 0, done.stderr
    rows = {(row["group"], row["label"]): row for row in map(json.loads, done.stdout.splitlines())}
    assert {label for group, label in rows if group == "Tasks waiting, and in work"} >= {
        f"{sdwebui} waiting",
        f"{sdwebui} in work",
    }
    shown = easel(outputs, "dashboard", "--once")
    assert "Age of the oldest task" in shown.stdout
    # CloudWatch has a metric some minutes later only.
    if json.loads(outputs.read_text()).get("dashboard_name") is None:
        assert rows["Tasks accepted, 1 h", ""]["now"] >= 1
        assert rows["Acceptance to callback", f"{sdwebui} p95"]["now"] > 0
