"""`easel submit`'s flags become the request that a person means; nonsense is one clear message."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from easel_cli.main import main
from easel_cli.progress import Progress
from easel_cli.request_building import build_request, task_id_of
from easel_cli.submit_options import SubmitOptions
from easel_cli.target import Target
from easel_contract.api import V1Alpha2Request
from easel_deploy.command_line import add_command, command_group, run_command_line
from easel_deploy.exit_status import ExitStatus
from easel_packaging.openapi import SAMPLES

pytestmark = pytest.mark.unit

QUEUES = {"queue_url": "q", "dead_letter_queue_url": "d"}
OUTPUTS: dict[str, Any] = {
    "region": "us-east-1",
    "endpoint": "https://example.com/dev",
    "api_key_id": "k",
    "output_bucket": "b",
    "records_table": "r",
    "tasks_topic_arn": "t",
    "notifications_topic_arn": "n",
    "runtimes": {
        "sdruntime": {"type": "sdwebui", **QUEUES},
        "comfyruntime": {"type": "comfyui", **QUEUES},
    },
}
TARGET = Target.model_validate(OUTPUTS)


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps({name: {"value": value} for name, value in OUTPUTS.items()}))
    return file


def options_of(*flags: str) -> SubmitOptions:
    """The options that the command line makes of these flags."""
    found: list[SubmitOptions] = []

    def keep(options: SubmitOptions) -> int:
        found.append(options)
        return 0

    group = command_group("")
    add_command(group, "submit", keep, SubmitOptions, "")
    assert run_command_line(group, "easel", ["submit", *flags]) == 0
    return found[0]


def request_of(*flags: str) -> tuple[str, dict[str, Any]]:
    return build_request(options_of(*flags), TARGET)


def content_of(*flags: str) -> tuple[str, dict[str, Any]]:
    version, body = request_of(*flags)
    assert version == "v1alpha2"
    task = V1Alpha2Request.model_validate(body).task
    return task.metadata.tasktype, task.content


def test_a_prompt_is_text_to_image() -> None:
    version, body = request_of(
        *("--prompt", "A dog", "--size", "256x128", "-n", "4", "--seed", "7", "--id", "mine"),
        *("--prefix", "a/b", "--context", '{"x": 1}', "--checkpoint", "c.safetensors"),
    )
    assert version == "v1alpha2"
    assert body["task"]["metadata"] == {
        "id": "mine",
        "runtime": "sdruntime",
        "tasktype": "text-to-image",
        "prefix": "a/b",
        "context": {"x": 1},
    }
    assert body["task"]["content"] == {
        "prompt": "A dog",
        "steps": 20,
        "width": 256,
        "height": 128,
        "n_iter": 4,
        "seed": 7,
        "alwayson_scripts": {"sd_model_checkpoint": "c.safetensors"},
    }
    assert task_id_of(body) == "mine"


def test_with_an_image_it_is_image_to_image(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"picture")
    tasktype, content = content_of(
        "--prompt", "x", "--image", str(file), "--image", "s3://bucket/key.png"
    )
    assert tasktype == "image-to-image"
    assert content["init_images"] == [
        base64.b64encode(b"picture").decode(),
        "s3://bucket/key.png",
    ]


def test_upscale_and_workflow(tmp_path: Path) -> None:
    tasktype, content = content_of("--upscale", "2", "--image", "https://example.com/a.png")
    assert tasktype == "extra-single-image"
    assert (content["upscaling_resize"], content["image"]) == (2, "https://example.com/a.png")
    workflow = tmp_path / "workflow.json"
    workflow.write_text('{"1": {"class_type": "X", "inputs": {}}}')
    tasktype, content = content_of("--workflow", str(workflow))
    assert (tasktype, content) == ("pipeline", {"1": {"class_type": "X", "inputs": {}}})


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_whole_requests_are_sent_as_they_are(sample: Path) -> None:
    version, body = request_of("--request", str(sample))
    assert version == sample.stem.partition("-")[0]
    assert body == json.loads(sample.read_text())
    assert task_id_of(body).startswith("test-")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--prompt", "x", "--size", "big"], "--size must be like 512x512"),
        (["--prompt", "x", "--image", "no-such-file.png"], "no-such-file.png is no URL"),
        (["--upscale", "2"], "--upscale needs one --image"),
        (["--request", "no-such-file.json"], "no-such-file.json cannot be read"),
        (["--workflow", __file__], "is not JSON"),
    ],
)
def test_nonsense_is_one_message(
    flags: list[str],
    says: str,
    outputs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["easel", "submit", "--outputs", str(outputs), *flags])
    assert main() == ExitStatus.USAGE
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--env", "mars"], "There is no environment mars; there are: "),
        (["--outputs", "no-such-file"], "no-such-file cannot be read"),
        (["--outputs", str(SAMPLES / "v1alpha2-batch.json")], "is not what"),
        ([], "No local stack is up"),
    ],
)
def test_no_stack_is_one_message(
    flags: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EASEL_HOME", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["easel", "watch", *flags])
    assert main() == ExitStatus.USAGE
    assert says in capsys.readouterr().err


def test_several_runtimes_of_a_type_must_be_chosen_from() -> None:
    runtimes = {**TARGET.runtimes, "other": TARGET.runtimes["sdruntime"]}
    target = TARGET.model_copy(update={"runtimes": runtimes})
    options = options_of("--prompt", "x")
    with pytest.raises(Exception, match="--runtime; the stack has sdruntime, other"):
        build_request(options, target)


def test_progress_is_plain_lines_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    with progress.step("working") as update:
        update("half")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  ...   working"
    assert lines[-1].startswith("  done  working (")
    assert not any("\x1b" in line for line in lines)
