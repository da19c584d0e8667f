"""Whose fault a failed node is, by the ComfyUI adapter's table: every row, every recording."""

import json
from collections.abc import Iterator
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
from easel_agent.runtimes.comfyui.faults import ROWS, row_of
from easel_agent.runtimes.comfyui.history import Outcome
from easel_agent.runtimes.faults import Row, Verdict
from easel_contract.metrics import BrokenReason

pytestmark = pytest.mark.unit

CAPTURES = Path(__file__).parents[1] / "data" / "captures"
ERRORS = {
    Verdict.CALLER: RejectedTaskError,
    Verdict.UNCERTAIN: TransientError,
    Verdict.PASSING: TransientError,
    Verdict.OUT_OF_MEMORY: OutOfMemoryError,
    Verdict.DEVICE_FAILED: DeviceFailedError,
    Verdict.STICKY: RuntimeBrokenError,
    Verdict.DISK_BROKEN: RuntimeBrokenError,
}
STICKY = "CUDA error: an illegal memory access was encountered"


def failed(exception_type: str, message: str, frame: str = "") -> dict[str, Any]:
    """A history's entry of a job whose node 7 failed."""
    error = {
        "node_id": "7",
        "node_type": "SomeNode",
        "exception_type": exception_type,
        "exception_message": message,
        "traceback": [frame] if frame else [],
    }
    status = {"status_str": "error", "completed": False, "messages": [["execution_error", error]]}
    return {"prompt": [1, "id", {}, {}, []], "outputs": {}, "status": status}


def raised(entry: dict[str, Any]) -> Exception:
    with pytest.raises((RejectedTaskError, TransientError, RuntimeBrokenError)) as caught:
        Outcome(entry).check_success(b"answer")
    return caught.value


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.verdict}: {row.example[:30]}")
def test_every_row_has_a_source_and_an_example_that_falls_under_it(row: Row) -> None:
    assert len(row.source) > 20
    assert row_of(row.example_type, row.example, row.example_frame) is row
    error = raised(failed(row.example_type, row.example, row.example_frame))
    assert type(error) is ERRORS[row.verdict]


def recorded_failures() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(CAPTURES.glob("comfy_*.json")):
        found: list[dict[str, Any]] = []
        _find_errors(json.loads(file.read_text()), found)
        for error in found:
            yield file.name, error


def _find_errors(value: Any, found: list[dict[str, Any]]) -> None:
    if isinstance(value, dict):
        if "exception_message" in value and "node_type" in value:
            found.append(value)
        for item in value.values():
            _find_errors(item, found)
    elif isinstance(value, list):
        for item in value:
            _find_errors(item, found)


def test_every_failure_that_was_recorded_is_the_workflows() -> None:
    failures = list(recorded_failures())
    assert len(failures) >= 8
    for file, error in failures:
        row = row_of(
            error["exception_type"], error["exception_message"], error.get("traceback", [""])[-1]
        )
        assert row.verdict is Verdict.CALLER, file
        assert file in row.source


@pytest.mark.parametrize(
    ("exception_type", "message"),
    [
        ("FileNotFoundError", "[Errno 2] No such file or directory: '/models/barracuda.ckpt'"),
        ("ValueError", "device must be one of 'cuda', 'cpu', got 'cdua'"),
        ("KeyError", "'CUDA error: an illegal memory access was encountered'"),
        ("AssertionError", "Torch not compiled with CUDA enabled"),
        ("RuntimeError", "mat1 and mat2 shapes cannot be multiplied (77x768 and 4096x5120)"),
        ("RuntimeError", "Input type (torch.cuda.HalfTensor) and weight type should be the same"),
        ("OSError", "[Errno 36] File name too long: '/srv/ComfyUI/output/aaaa.png'"),
        ("NetworkxError", "no path"),
        ("Exception", "Transport endpoint is not connected, said the prompt"),
        ("", ""),
    ],
)
def test_what_only_sounds_like_the_device_is_the_workflows(
    exception_type: str, message: str
) -> None:
    row = row_of(exception_type, message)
    if exception_type == "KeyError":
        assert row.verdict is Verdict.DEVICE_FAILED  # two tasks in a row must tell
    else:
        assert row.verdict is Verdict.CALLER


@pytest.mark.parametrize(
    ("exception_type", "message", "verdict"),
    [
        ("RuntimeError", "Invalid buffer size: 18.23 GB", Verdict.OUT_OF_MEMORY),
        ("RuntimeError", "MPS backend out of memory (MPS allocated: 9 GB)", Verdict.OUT_OF_MEMORY),
        ("RuntimeError", "CUDA driver error: out of memory", Verdict.OUT_OF_MEMORY),
        ("RuntimeError", "Triton Error [CUDA]: out of memory", Verdict.OUT_OF_MEMORY),
        ("numpy.core._exceptions.MemoryError", "Unable to allocate 1 GiB", Verdict.OUT_OF_MEMORY),
        ("OSError", "[Errno 12] Cannot allocate memory", Verdict.OUT_OF_MEMORY),
        (
            "onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException",
            "BFCArena::AllocateRaw Failed to allocate memory for requested buffer of size 1",
            Verdict.OUT_OF_MEMORY,
        ),
        (
            "RuntimeError",
            "Triton Error [CUDA]: an illegal memory access was encountered",
            Verdict.STICKY,
        ),
        ("RuntimeError", "Triton Error [CUDA]: invalid device context", Verdict.DEVICE_FAILED),
        (
            "onnxruntime.capi.onnxruntime_pybind11_state.Fail",
            "[ONNXRuntimeError] : 1 : FAIL : CUDA failure 700: an illegal memory access",
            Verdict.DEVICE_FAILED,
        ),
        (
            "cupy_backends.cuda.api.runtime.CUDARuntimeError",
            "cudaErrorIllegalAddress: an illegal memory access was encountered",
            Verdict.DEVICE_FAILED,
        ),
        (
            "torch.cuda.DeferredCudaCallError",
            "CUDA call failed lazily at initialization with error: device >= 0",
            Verdict.DEVICE_FAILED,
        ),
        ("RuntimeError", "cuFFT error: CUFFT_INTERNAL_ERROR", Verdict.DEVICE_FAILED),
        (
            "RuntimeError",
            "GET was unable to find an engine to execute this computation",
            Verdict.DEVICE_FAILED,
        ),
        (
            "RuntimeError",
            'NVML_SUCCESS == r INTERNAL ASSERT FAILED at "../c10/cuda/CUDACachingAllocator.cpp"',
            Verdict.DEVICE_FAILED,
        ),
    ],
)
def test_other_libraries_words_for_the_same_are_known(
    exception_type: str, message: str, verdict: Verdict
) -> None:
    assert row_of(exception_type, message).verdict is verdict


@pytest.mark.parametrize(
    "words",
    [
        "an illegal memory access was encountered",
        "device-side assert triggered",
        "unspecified launch failure",
        "no CUDA-capable device is detected",
        "unknown error",
        "misaligned address",
        "the launch timed out and was terminated",
        "uncorrectable ECC error encountered",
        "GPU is lost",
    ],
)
def test_an_error_that_stays_ends_the_runtime_and_wrapped_by_a_node_needs_two(words: str) -> None:
    for exception_type in ("RuntimeError", "torch.AcceleratorError"):
        error = raised(failed(exception_type, f"CUDA error: {words}\nCUDA kernel errors might be"))
        assert isinstance(error, RuntimeBrokenError)
        assert error.reason is BrokenReason.STICKY_DEVICE_ERROR
    wrapped = failed("Exception", f"Error while sampling: CUDA error: {words}")
    assert type(raised(wrapped)) is DeviceFailedError


@pytest.mark.parametrize(
    ("exception_type", "message"),
    [
        ("torch.OutOfMemoryError", "Allocation on device "),
        ("torch.cuda.OutOfMemoryError", "CUDA out of memory. Tried to allocate 2.25 GiB"),
        ("RuntimeError", "CUDA error: out of memory\nCUDA kernel errors might be"),
        ("torch.AcceleratorError", "CUDA error: out of memory"),
        ("torch.OutOfMemoryError", "HIP out of memory. Tried to allocate 20.00 MiB"),
        ("Exception", "sampling failed: CUDA out of memory. Tried to allocate 2.25 GiB"),
        ("MemoryError", ""),
    ],
)
def test_a_full_memory_ends_nothing(exception_type: str, message: str) -> None:
    assert type(raised(failed(exception_type, message))) is OutOfMemoryError


def test_a_mount_that_is_gone_is_named_as_what_ended_the_runtime() -> None:
    message = "[Errno 107] Transport endpoint is not connected: '/models/a.safetensors'"
    error = raised(failed("OSError", message))
    assert isinstance(error, RuntimeBrokenError)
    assert error.reason is BrokenReason.DISK


def test_what_may_be_the_workflows_is_tried_twice_more() -> None:
    error = raised(failed("requests.exceptions.ConnectionError", "Max retries exceeded"))
    assert isinstance(error, TransientError)
    assert error.max_attempts == UNKNOWN_FAILURE_ATTEMPTS
    assert error.answer == b"answer"


def test_the_message_names_node_and_class_and_a_sticky_one_too() -> None:
    assert str(raised(failed("RuntimeError", STICKY))) == (
        f"node 7 (SomeNode) failed: RuntimeError: {STICKY}"
    )
