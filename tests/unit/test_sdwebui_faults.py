"""Whose fault a failure of SD WebUI is: every row of the table, and every recorded failure."""

import json
from pathlib import Path
from typing import Any

import pytest

from easel_agent.errors import (
    UNKNOWN_FAILURE_ATTEMPTS,
    DeviceFailedError,
    OutOfMemoryError,
    RejectedTaskError,
    RuntimeBrokenError,
    TransientError,
)
from easel_agent.runtimes import device_faults
from easel_agent.runtimes.faults import Row, Verdict, first_row
from easel_agent.runtimes.sdwebui.errors import failure_of, verdict_of
from easel_agent.runtimes.sdwebui.faults import ROWS
from easel_contract.metrics import BrokenReason

pytestmark = pytest.mark.unit

CAPTURES = Path(__file__).parents[1] / "data" / "captures"

CUDA = (
    "CUDA error: {}\nCUDA kernel errors might be asynchronously reported at some other API call, so"
    " the stacktrace below might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING"
)
SAMPLES: tuple[tuple[str, str, Verdict], ...] = (
    ("Exception", "could not find upscaler named 4x-NotThere", Verdict.CALLER),
    ("Exception", "Could not find checkpoint with name nope", Verdict.CALLER),
    ("RuntimeError", "model 'nope' not found", Verdict.CALLER),
    ("KeyError", "'foo'", Verdict.CALLER),
    ("HTTPException", "Invalid encoded image", Verdict.CALLER),
    ("OutOfMemoryError", "CUDA out of memory. Tried to allocate 2 GiB", Verdict.OUT_OF_MEMORY),
    ("torch.cuda.OutOfMemoryError", "", Verdict.OUT_OF_MEMORY),
    ("MemoryError", "", Verdict.OUT_OF_MEMORY),
    ("_ArrayMemoryError", "Unable to allocate 9 GiB for an array", Verdict.OUT_OF_MEMORY),
    ("RuntimeError", "CUDA out of memory. Tried to allocate 20 MiB", Verdict.OUT_OF_MEMORY),
    ("RuntimeError", "HIP out of memory. Tried to allocate 20 MiB", Verdict.OUT_OF_MEMORY),
    ("RuntimeError", "MPS backend out of memory (MPS allocated: 9 GB)", Verdict.OUT_OF_MEMORY),
    ("RuntimeError", CUDA.format("out of memory"), Verdict.OUT_OF_MEMORY),
    (
        "RuntimeError",
        CUDA.format("CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        Verdict.OUT_OF_MEMORY,
    ),
    (
        "RuntimeError",
        "[enforce fail at alloc_cpu.cpp:114] data. CPU: not enough memory: you tried to allocate 9",
        Verdict.OUT_OF_MEMORY,
    ),
    (
        "RuntimeError",
        "[enforce fail at alloc_cpu.cpp:121] . CPU: can't allocate memory: you tried to allocate 9",
        Verdict.OUT_OF_MEMORY,
    ),
    (
        "RuntimeError",
        "Not enough memory, use lower resolution (max approx. 1280x1280). Need: 4.2GB free",
        Verdict.OUT_OF_MEMORY,
    ),
    ("RuntimeError", "Invalid buffer size: 36.00 GB", Verdict.OUT_OF_MEMORY),
    *(
        ("RuntimeError", CUDA.format(says), Verdict.STICKY)
        for says in (
            "an illegal memory access was encountered",
            "device-side assert triggered",
            "unspecified launch failure",
            "misaligned address",
            "the launch timed out and was terminated",
            "no CUDA-capable device is detected",
            "unknown error",
            "uncorrectable ECC error encountered",
            "no kernel image is available for execution on the device",
            "CUDA driver version is insufficient for CUDA runtime version",
        )
    ),
    ("AcceleratorError", CUDA.format("unspecified launch failure"), Verdict.STICKY),
    ("RuntimeError", "HIP error: unspecified launch failure", Verdict.STICKY),
    ("RuntimeError", "No CUDA GPUs are available", Verdict.STICKY),
    ("AssertionError", "Torch not compiled with CUDA enabled", Verdict.STICKY),
    ("RuntimeError", "NVRM: Xid (PCI:0000): 79, GPU has fallen off the bus", Verdict.STICKY),
    ("RuntimeError", CUDA.format("invalid configuration argument"), Verdict.CALLER),
    ("RuntimeError", "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED", Verdict.DEVICE_FAILED),
    (
        "RuntimeError",
        "GET was unable to find an engine to execute this computation",
        Verdict.DEVICE_FAILED,
    ),
    (
        "RuntimeError",
        CUDA.format("CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx(handle)`"),
        Verdict.DEVICE_FAILED,
    ),
    ("OSError", "[Errno 28] No space left on device", Verdict.DISK_BROKEN),
    ("OSError", "[Errno 107] Transport endpoint is not connected: '/m'", Verdict.DISK_BROKEN),
    ("SafetensorError", "Transport endpoint is not connected (os error 107)", Verdict.DISK_BROKEN),
    (
        "SafetensorError",
        "Error while deserializing header: MetadataIncompleteBuffer",
        Verdict.UNCERTAIN,
    ),
    ("ZeroDivisionError", "integer division or modulo by zero", Verdict.CALLER),
    ("IndexError", "list index out of range", Verdict.CALLER),
    (
        "TypeError",
        "'>' not supported between instances of 'NoneType' and 'int'",
        Verdict.CALLER,
    ),
    ("TypeError", "run() got an unexpected keyword argument 'x'", Verdict.CALLER),
    ("ValueError", "height and width must be > 0", Verdict.CALLER),
    ("AssertionError", "could not find upscaler named Nope", Verdict.CALLER),
    ("AssertionError", "composition via AND is not supported for DDIM", Verdict.CALLER),
    ("UnidentifiedImageError", "cannot identify image file <_io.BytesIO>", Verdict.CALLER),
    ("binascii.Error", "Incorrect padding", Verdict.CALLER),
    ("RuntimeError", "number of steps must be non-negative", Verdict.CALLER),
    (
        "RuntimeError",
        "The expanded size of the tensor (768) must match the existing size (1024) at dimension 1.",
        Verdict.CALLER,
    ),
    (
        "RuntimeError",
        "FIND was unable to find an engine to execute this computation",
        Verdict.DEVICE_FAILED,
    ),
    ("RuntimeError", "Kernel size can't be greater than actual input size", Verdict.CALLER),
    (
        "RuntimeError",
        "Trying to create tensor with negative dimension -8: [4, 8, -8]",
        Verdict.CALLER,
    ),
    (
        "RuntimeError",
        "bad number of images passed: 2; expecting 1 or less",
        Verdict.CALLER,
    ),
    (
        "RuntimeError",
        "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [0]",
        Verdict.CALLER,
    ),
    (
        "RuntimeError",
        "mat1 and mat2 shapes cannot be multiplied (154x2048 and 768x320)",
        Verdict.CALLER,
    ),
    (
        "RuntimeError",
        "Expected all tensors to be on the same device, but found two devices, cuda:0 and cpu!",
        Verdict.CALLER,
    ),
    ("NansException", "A tensor with all NaNs was produced in Unet.", Verdict.UNCERTAIN),
    ("server_error", "[json.exception.type_error.302] type must be number", Verdict.CALLER),
)
UNKNOWN: tuple[tuple[str, str], ...] = (
    ("AttributeError", "'NoneType' object has no attribute 'lowvram'"),
    ("RuntimeError", "something about cuda and a device"),
    ("FileNotFoundError", "[Errno 2] No such file or directory: 'barracuda.safetensors'"),
    ("Exception", "an extension says CUDA error: device-side assert triggered"),
    ("", "Internal Server Error"),
)


def row_of(error: str, message: str) -> Row | None:
    return first_row(ROWS, error.rpartition(".")[2], message)


@pytest.mark.parametrize(("error", "message", "verdict"), SAMPLES)
def test_a_known_failure_is_told_for_what_it_is(error: str, message: str, verdict: Verdict) -> None:
    assert verdict_of(500, error, message) is verdict


def test_every_row_has_a_failure_that_it_alone_tells() -> None:
    told = {row_of(error, message) for error, message, _ in SAMPLES}
    assert [row for row in ROWS if row not in told and not row.example] == []


@pytest.mark.parametrize("row", device_faults.ROWS, ids=lambda row: row.example[:40])
def test_what_the_device_says_is_heard_here_too(row: Row) -> None:
    verdict = verdict_of(500, row.example_type, row.example)
    if row.verdict is Verdict.CALLER or row.verdict is Verdict.DEVICE_FAILED:
        # SD WebUI itself needs the device and the disk: what a workflow may miss ends it.
        assert verdict in {row.verdict, Verdict.STICKY, Verdict.DISK_BROKEN}
    else:
        assert verdict is row.verdict


@pytest.mark.parametrize(("error", "message"), UNKNOWN)
def test_what_nobody_knows_is_tried_a_few_times_and_says_what_the_server_said(
    error: str, message: str
) -> None:
    assert row_of(error, message) is None
    failure = failure_of(500, json.dumps({"error": error, "errors": message}).encode())
    assert isinstance(failure, TransientError)
    assert failure.max_attempts == UNKNOWN_FAILURE_ATTEMPTS
    assert message in str(failure)


def test_a_name_that_the_caller_chose_breaks_no_runtime() -> None:
    evil = "CUDA error: device-side assert triggered"
    for error, message in (
        ("Exception", f"could not find upscaler named {evil}"),
        ("Exception", f"Could not find checkpoint with name {evil}"),
        ("RuntimeError", f"model '{evil}' not found"),
        ("KeyError", f"'{evil}'"),
        ("HTTPException", f"Script '{evil}' not found"),
    ):
        assert verdict_of(500, error, message) is Verdict.CALLER, (error, message)


def exchanges(name: str) -> dict[str, Any]:
    recorded: dict[str, Any] = json.loads((CAPTURES / f"{name}.json").read_text())
    return recorded


def recordings_of(fault: Row) -> list[tuple[str, str]]:
    """File and exchange of each; one without a file is of the file before."""
    found, file = [], ""
    for part in fault.source.split(", "):
        words = part.split(" ")
        file = words[0] if len(words) == 2 else file
        if file.startswith(("a1111_", "sdcpp_")):
            found.append((file, words[-1]))
    return found


def test_every_source_that_is_a_recording_is_there_and_is_a_failure() -> None:
    assert all(fault.source for fault in ROWS)
    named = [(fault, *recording) for fault in ROWS for recording in recordings_of(fault)]
    assert len(named) >= 15
    for fault, file, exchange in named:
        recorded = exchanges(file)[exchange]
        assert recorded["status"] == 500, exchange
        answer = recorded["response"]
        texts = (answer.get(key, "") for key in ("errors", "detail", "message"))
        assert row_of(answer["error"], next(filter(None, texts), "")) is fault, exchange


@pytest.mark.parametrize(
    "name", ["a1111_errors", "a1111_1.10.1_generate_and_errors", "sdcpp_errors"]
)
def test_every_recorded_refusal_was_the_callers(name: str) -> None:
    failed = {
        exchange: failure_of(recorded["status"], json.dumps(recorded["response"]).encode())
        for exchange, recorded in exchanges(name).items()
        if recorded.get("status", 200) >= 400
    }
    assert len(failed) >= 5
    wrong = {exchange for exchange, error in failed.items() if type(error) is not RejectedTaskError}
    assert wrong == set()


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        (("OutOfMemoryError", "CUDA out of memory."), OutOfMemoryError),
        (("RuntimeError", "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"), DeviceFailedError),
        (("KeyError", "'foo'"), RejectedTaskError),
    ],
)
def test_a_verdict_becomes_an_error_with_the_full_answer(
    verdict: tuple[str, str], kind: type[TransientError]
) -> None:
    error, message = verdict
    body = json.dumps({"error": error, "detail": "", "body": "", "errors": message}).encode()
    failure = failure_of(500, body)
    assert type(failure) is kind
    assert isinstance(failure, kind)
    assert failure.answer == body


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("CUDA error: unspecified launch failure", BrokenReason.STICKY_DEVICE_ERROR),
        ("[Errno 28] No space left on device", BrokenReason.DISK),
    ],
)
def test_a_broken_runtime_says_why(message: str, reason: BrokenReason) -> None:
    error = "OSError" if message.startswith("[") else "RuntimeError"
    failure = failure_of(500, json.dumps({"error": error, "errors": message}).encode())
    assert isinstance(failure, RuntimeBrokenError)
    assert failure.reason is reason
    assert message in str(failure)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (400, Verdict.CALLER),
        (404, Verdict.CALLER),
        (422, Verdict.CALLER),
        (401, Verdict.UNCERTAIN),
        (429, Verdict.PASSING),
        (502, Verdict.PASSING),
        (503, Verdict.PASSING),
    ],
)
def test_some_statuses_decide_alone(status: int, verdict: Verdict) -> None:
    assert verdict_of(status, "RuntimeError", "CUDA out of memory.") is verdict


def test_an_answer_that_is_no_json_is_told_in_short() -> None:
    failure = failure_of(502, b"<html>" + b"x" * 10_000)
    assert isinstance(failure, TransientError)
    assert len(str(failure)) < 1000
