"""The verbs of the local stack: what they refuse, what they show, what they send."""

import io
import json
import shlex
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from rich.console import Console

from easel_cli.target import Target
from easel_contract.api import V1Alpha2Request
from easel_local import __main__ as verbs
from easel_local.demo import demo_request
from easel_local.presets import MODEL, runtimes_of
from easel_local.state import StackState
from easel_local.status import show_status

pytestmark = pytest.mark.unit

QUEUES = {"queue_url": "q", "dead_letter_queue_url": "d"}


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        key = boto3.client("apigateway", "us-east-1").create_api_key(value="k" * 20, enabled=True)
        settings = runtimes_of(("sdwebui", "dynamic", "comfyui"))
        yield Target.model_validate(
            {
                "region": "us-east-1",
                "endpoint": "http://127.0.0.1:9/dev",
                "api_key_id": key["id"],
                "output_bucket": "b",
                "records_table": "r",
                "tasks_topic_arn": "t",
                "notifications_topic_arn": "n",
                "runtimes": {name: one | QUEUES for name, one in settings.items()},
            }
        )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--port", "99999"], "PORT=99999: choose from 1 to 65535"),
        (["--port", "-1"], "PORT=-1: choose"),
        (["--port", "x"], "PORT=x: choose"),
        (["--service-time", "nan"], "SERVICE_TIME=nan: choose"),
        (["--service-time", "-1"], "SERVICE_TIME=-1: choose"),
        (["--service-time", "soon"], "SERVICE_TIME=soon: choose"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(
    options: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["easel_local", "up", *options])
    with pytest.raises(SystemExit) as end:
        verbs.main()
    assert end.value.code == 2
    assert says in capsys.readouterr().err


def test_lines_to_copy_are_quoted(
    target: Target, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "it's a home; x"
    monkeypatch.setattr(verbs, "HOME", home)
    *others, last = verbs._how_to_use(target).splitlines()
    command = last.partition(": ")[2]
    assert shlex.split(command) == [".", str(home / "environment")]
    posted = next(line for line in others if line.startswith("  -H 'x-api-key"))
    body = json.loads(shlex.split(posted)[-1])
    assert V1Alpha2Request.model_validate(body).task.metadata.runtime == "sdruntime"


def test_the_key_is_shown_again(target: Target) -> None:
    shown = io.StringIO()
    state = StackState.model_validate({"started_at": "2026-11-28T08:00:00Z", "target": target})
    show_status(state, Console(file=shown, width=200))
    assert f"API key   {'k' * 20}\n" in shown.getvalue()


@pytest.mark.parametrize("runtime", ["sdruntime", "sddynamic", "comfyruntime"])
def test_the_demo_asks_each_runtime_for_what_it_makes(target: Target, runtime: str) -> None:
    task = V1Alpha2Request.model_validate(demo_request(target, runtime)).task
    assert task.metadata.runtime == runtime
    is_workflow = target.runtimes[runtime].type == "comfyui"
    assert task.metadata.tasktype == ("pipeline" if is_workflow else "text-to-image")
    if target.runtimes[runtime].dynamic_model:
        assert task.content["alwayson_scripts"] == {"sd_model_checkpoint": MODEL}
    if is_workflow:
        loader = next(
            one for one in task.content.values() if one["class_type"] == "CheckpointLoaderSimple"
        )
        assert loader["inputs"]["ckpt_name"] == MODEL
