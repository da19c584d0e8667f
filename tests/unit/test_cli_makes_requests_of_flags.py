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
V1ALPHA1 = str(SAMPLES / "v1alpha1-text-to-image.json")
V1ALPHA2 = str(SAMPLES / "v1alpha2-text-to-image.json")


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


def test_a_whole_request_takes_the_options_of_its_task() -> None:
    sample = SAMPLES / "v1alpha2-text-to-image.json"
    _, body = request_of(
        *("--request", str(sample), "--id", "mine", "--prefix", "a/b", "--runtime", "other"),
        *("--context", '{"x": 1}', "--deadline", "60", "--callback-url", "https://example.com/x"),
    )
    before = json.loads(sample.read_text())
    assert body["task"]["content"] == before["task"]["content"]
    assert body["task"]["metadata"] == before["task"]["metadata"] | {
        "id": "mine",
        "prefix": "a/b",
        "runtime": "other",
        "context": {"x": 1},
        "deadline_seconds": 60,
        "callback_url": "https://example.com/x",
    }


def test_a_request_of_the_first_version_takes_another_id_and_folder() -> None:
    sample = SAMPLES / "v1alpha1-text-to-image.json"
    _, body = request_of("--request", str(sample), "--id", "mine", "--prefix", "a/b")
    routing = json.loads(sample.read_text())["alwayson_scripts"]
    assert body["alwayson_scripts"] == routing | {"id_task": "mine", "save_dir": "a/b"}


def test_the_samples_of_a_kind_do_not_clash_with_ids_of_ones_own() -> None:
    bodies = [
        request_of("--request", sample, "--id", f"mine-{number}")[1]
        for number, sample in enumerate((V1ALPHA1, V1ALPHA2))
    ]
    assert [task_id_of(body) for body in bodies] == ["mine-0", "mine-1"]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--prompt", "x", "-n", "0"], "'-n' / '--count': is to be a number from 1"),
        (["--prompt", "x", "--steps", "0"], "'--steps'"),
        (["--prompt", "x", "--upscaler", "LDSR"], "--upscaler is not for --prompt"),
        (["--upscale", "0"], "'--upscale': is to be a number from 0.01"),
        (["--upscale", "2", "--size", "8x8", "--seed", "0"], "--size is not for --upscale\n--seed"),
        (["--request", V1ALPHA2, "-n", "2"], "--count is not for --request"),
        (["--workflow", V1ALPHA2, "--image", "x"], "--image is not for --workflow"),
        (
            ["--request", V1ALPHA1, "--runtime", "x", "--context", "y"],
            "no place for --runtime, --context",
        ),
        (["--prompt", "x", "--timeout", "inf"], "'--timeout'"),
        (["--prompt", "x", "--deadline", "0"], "'--deadline'"),
        (["--prompt", "x", "--out", __file__], "is no folder that can be written to"),
        (["--prompt", "x", "--out", f"{__file__}/x"], "is no folder that can be written to"),
        ([], "say what to make"),
        (["--prompt", "x", "--upscale", "2"], "--prompt and --upscale: one task makes one"),
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
