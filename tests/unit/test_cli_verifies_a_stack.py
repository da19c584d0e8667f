"""What `easel verify` sends to each type of runtime, what it says, and how it ends (R41)."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image
from rich.console import Console

from easel_cli import verification, verify
from easel_cli.progress import Progress
from easel_cli.request_building import RequestError
from easel_cli.target import Target
from easel_cli.verification_requests import checkpoint_of
from easel_contract.errors import TaskError, TaskErrorCode
from easel_contract.result import ResultStatus, TaskResult
from easel_contract.uid import new_uid
from easel_contract.usage import Usage
from easel_deploy.exit_status import ExitStatus
from easel_packaging.openapi import SAMPLES

pytestmark = pytest.mark.unit

KINDS = {
    "sd": ["text-to-image", "image-to-image", "extra-single-image"],
    "comfy": ["pipeline"],
}
SIZES = {"extra-single-image": (1024, 1024)}


def target() -> Target:
    queues = {"queue_url": "https://queue", "dead_letter_queue_url": "https://dead"}
    runtimes = {
        "sd": {"type": "sdwebui", "model_filename": "a.safetensors", **queues},
        "comfy": {"type": "comfyui", **queues},
    }
    return Target.model_validate(
        {
            "region": "us-east-1",
            "endpoint": "https://api.example/dev",
            "api_key_id": "key",
            "output_bucket": "outputs",
            "records_table": "records",
            "tasks_topic_arn": "tasks",
            "notifications_topic_arn": "notifications",
            "runtimes": runtimes,
        }
    )


class Stack:
    """A stack's API, its notifications and its bucket, in one object."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.cancelled: list[str] = []
        self.refuses: set[str] = set()
        self.errors: dict[str, TaskError] = {}
        self.silent: set[str] = set()
        self.sizes = dict(SIZES)
        self.not_a_picture: set[str] = set()
        self.kinds: dict[str, str] = {}
        self._results: list[TaskResult] = []

    # The API.
    def __enter__(self) -> "Stack":
        return self

    def __exit__(self, *_: object) -> None: ...

    def post(self, path: str, body: dict[str, Any]) -> requests.Response:
        answer = requests.Response()
        answer.status_code = 200
        if path.endswith("/cancel"):
            self.cancelled.append(path.split("/")[2])
            return answer
        metadata = body["task"]["metadata"]
        kind = metadata["tasktype"]
        if kind in self.refuses:
            answer.status_code = 400
            error = {"message": "no", "details": [{"field": "task", "problem": "is not liked"}]}
            answer.raw = io.BytesIO(json.dumps({"error": error}).encode())
            return answer
        self.sent.append(body["task"])
        uid = new_uid()
        answer.raw = io.BytesIO(json.dumps({"uid": str(uid)}).encode())
        if kind not in self.silent:
            error_of = self.errors.get(kind)
            status = ResultStatus.FAILED if error_of else ResultStatus.COMPLETED
            urls = [] if error_of else [f"s3://outputs/{kind}-1.png"]
            made = {"image_url": urls, "usage": Usage(gpu_seconds=1.5), "error": error_of}
            running = TaskResult(id="x", uid=uid, result=False, status=ResultStatus.RUNNING)
            result = TaskResult(
                id=metadata["id"], uid=uid, result=not error_of, status=status, **made
            )
            self._results += [running, result]
        return answer

    # The notifications.
    def subscription(self, *_: object) -> "Stack":
        return self

    def results(self, _deadline: float) -> Iterator[TaskResult]:
        while self._results:
            yield self._results.pop(0)

    # The bucket.
    def download(self, _: object, bucket: str, urls: list[str], folder: Path) -> list[Path]:
        folder.mkdir(exist_ok=True)
        files = []
        for url in urls:
            kind = url.removeprefix(f"s3://{bucket}/").removesuffix("-1.png")
            file = folder / f"{kind}.png"
            if kind in self.not_a_picture:
                file.write_bytes(b"\x89PNG\r\n\x1a\nhalf")
            else:
                Image.new("L", self.sizes.get(kind, (512, 512))).save(file, "PNG")
            files.append(file)
        return files


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    stack = Stack()
    monkeypatch.setattr(verification, "ResultSubscription", stack.subscription)
    monkeypatch.setattr(verification, "download_pictures", stack.download)
    monkeypatch.setattr(verify, "ApiClient", lambda *_: stack)
    monkeypatch.setattr(verify, "AwsClients", lambda _: None)
    monkeypatch.setattr(verify, "authorization_of", lambda *_: None)
    return stack


def run(folder: Path, **options: Any) -> tuple[ExitStatus, str]:
    shown = io.StringIO()
    progress = Progress(Console(file=shown, highlight=False, width=200))
    wanted = verify.VerifyOptions(**{"timeout": 0.05, "out": folder, **options})
    return verify.verify(wanted, target(), progress), shown.getvalue()


def kinds_sent(stack: Stack, runtime: str) -> list[str]:
    tasks = [task["metadata"] for task in stack.sent]
    return [task["tasktype"] for task in tasks if task["runtime"] == runtime]


def test_each_type_of_runtime_gets_its_requests(stack: Stack, tmp_path: Path) -> None:
    status, shown = run(tmp_path)
    assert status is ExitStatus.COMPLETED, shown
    assert {runtime: kinds_sent(stack, runtime) for runtime in KINDS} == KINDS
    assert "4 of 4 requests made their picture" in shown
    assert len({task["metadata"]["id"] for task in stack.sent}) == 4
    assert stack.cancelled == []


def test_no_runtime_waits_for_another_and_later_requests_take_the_first_picture(
    stack: Stack, tmp_path: Path
) -> None:
    run(tmp_path)
    assert [task["metadata"]["runtime"] for task in stack.sent[:2]] == ["sd", "comfy"]
    contents = {task["metadata"]["tasktype"]: task["content"] for task in stack.sent}
    picture = "s3://outputs/text-to-image-1.png"
    assert contents["image-to-image"]["init_images"] == [picture]
    assert contents["extra-single-image"]["image"] == picture


def test_the_workflow_is_the_seeds_with_the_stacks_checkpoint_and_a_new_seed(
    stack: Stack, tmp_path: Path
) -> None:
    for checkpoint in (None, "other.ckpt"):
        run(tmp_path, runtimes=["comfy"], checkpoint=checkpoint)
    sample = json.loads((SAMPLES / "v1alpha2-pipeline.json").read_text())["task"]["content"]
    first, second = (task["content"] for task in stack.sent)
    assert first["4"]["inputs"].pop("ckpt_name") == "a.safetensors"
    assert second["4"]["inputs"].pop("ckpt_name") == "other.ckpt"
    assert first["3"]["inputs"].pop("seed") != second["3"]["inputs"].pop("seed")
    del sample["4"]["inputs"]["ckpt_name"], sample["3"]["inputs"]["seed"]
    assert first == second == sample


def test_a_stack_whose_runtimes_name_no_model_is_asked_for_the_seeds() -> None:
    alone = target().model_copy(update={"runtimes": {"comfy": target().runtimes["comfy"]}})
    assert checkpoint_of(alone) == "v1-5-pruned-emaonly.safetensors"


def test_what_fails_is_named_with_its_reason_and_the_rest_goes_on(
    stack: Stack, tmp_path: Path
) -> None:
    stack.errors["image-to-image"] = TaskError(
        code=TaskErrorCode.RUNTIME_REJECTED, message="no \x1b[31m sampler", retryable=False
    )
    status, shown = run(tmp_path)
    assert status is ExitStatus.FAILED
    assert "FAIL" in shown
    assert "no \\x1b[31m sampler" in shown
    assert "3 of 4" in shown


def test_without_the_first_picture_the_later_requests_are_not_sent(
    stack: Stack, tmp_path: Path
) -> None:
    stack.errors["text-to-image"] = TaskError(
        code=TaskErrorCode.RUNTIME_REJECTED, message="no", retryable=False
    )
    status, shown = run(tmp_path, runtimes=["sd"])
    assert status is ExitStatus.FAILED
    assert kinds_sent(stack, "sd") == ["text-to-image"]
    assert shown.count("takes the picture of the text-to-image request") == 2


@pytest.mark.parametrize("wrong", ["size", "bytes"])
def test_a_picture_that_is_not_what_was_asked_for_does_not_pass(
    stack: Stack, tmp_path: Path, wrong: str
) -> None:
    if wrong == "size":
        stack.sizes["extra-single-image"] = (512, 512)
    else:
        stack.not_a_picture.add("extra-single-image")
    status, shown = run(tmp_path, runtimes=["sd"])
    assert status is ExitStatus.FAILED
    assert "2 of 3" in shown


def test_a_refused_request_ends_with_its_own_status(stack: Stack, tmp_path: Path) -> None:
    stack.refuses.add("pipeline")
    status, shown = run(tmp_path, runtimes=["comfy"])
    assert status is ExitStatus.REFUSED
    assert "task: is not liked" in shown


def test_what_nobody_takes_in_time_is_cancelled_and_says_where_to_look(
    stack: Stack, tmp_path: Path
) -> None:
    stack.silent.add("pipeline")
    status, shown = run(tmp_path, timeout=0.2)
    assert status is ExitStatus.TIMED_OUT
    assert len(stack.cancelled) == 1
    assert "No pod from zero" in shown
    assert "3 of 4" in shown
    # The stack ends it by itself, where the cancelling is not heard.
    assert {task["metadata"]["deadline_seconds"] for task in stack.sent} == {1}


def test_the_hint_leads_to_a_section_that_is_there() -> None:
    manual = Path(__file__).parents[2] / "docs" / "operations.md"
    assert "\n### No pod from zero\n" in manual.read_text()


def test_the_deadline_of_a_task_is_a_timeout_too(stack: Stack, tmp_path: Path) -> None:
    stack.errors["pipeline"] = TaskError(
        code=TaskErrorCode.DEADLINE_EXCEEDED, message="late", retryable=False
    )
    assert run(tmp_path, runtimes=["comfy"])[0] is ExitStatus.TIMED_OUT


def test_interrupted_it_cancels_what_it_has_sent(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_deadline: float) -> Iterator[TaskResult]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(stack, "results", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    assert len(stack.cancelled) == 2


def test_json_is_one_line_a_request(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, runtimes=["comfy"], json=True)
    assert stack.sent
    [line] = capsys.readouterr().out.splitlines()
    check = json.loads(line)
    assert check.pop("seconds") >= 0
    assert check.pop("id").startswith("verify-")
    assert check.pop("uid")
    assert check == {
        "runtime": "comfy",
        "runtime_type": "comfyui",
        "tasktype": "pipeline",
        "status": "passed",
        "gpu_seconds": 1.5,
        "files": [str(tmp_path / "pipeline.png")],
        "error": None,
    }


def test_a_runtime_that_is_not_there_is_wrong_usage(stack: Stack, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"The stack has sd, comfy: nope cannot be verified\."):
        run(tmp_path, runtimes=["sd", "nope"])
    assert stack.sent == []
