"""Whose fault it is that a node of a workflow failed: one table, for ComfyUI.

A row says what ComfyUI's `execution_error` looks like (Python's full name of the exception, its
message, where that decides the last frame of its traceback), whose fault that is, and who says so:
a recording (tests/data/captures) or a line of a published source. The first row that fits counts.

A failure that fits no row is the caller's. A node is a function of the workflow: nearly all that
is reported in public of nodes that fail (wrong shapes, missing files, a model of another family,
two devices) fails again in the same way, and a run costs minutes of a GPU. Who knows better of a
kind adds a row.

A word like "cuda" or "device" says nothing: it is in the names of files and in the mistakes of
workflows. Whatever ends a runtime at once must begin as PyTorch's own message does, so that no
text of a workflow that a node repeats in its message can do so; the same inside of other words is
a failure of the device, and two different tasks must meet one in a row.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """Whose fault a failure is."""

    CALLER = "caller"  # the workflow's: again would end the same
    UNCERTAIN = "uncertain"  # the world's or the workflow's: twice more may tell
    PASSING = "passing"  # the world's: again may end better
    OUT_OF_MEMORY = "out of memory"
    DEVICE_FAILED = "device failed"  # or a disk: this task's bad luck, or the end of the runtime
    STICKY = "sticky device error"  # every later job of this process fails
    FILES_GONE = "files gone"  # the models' file system is gone, and does not come back


@dataclass(frozen=True)
class Row:
    """A kind of failure.

    Attributes:
        verdict: whose fault it is.
        source: who says so.
        message: found in the exception's message.
        exception_type: fits the whole of the exception's full name, such as
            `torch.OutOfMemoryError`; None fits all.
        last_frame: found in the traceback's last frame; None fits all.
        example: a message that fits, as the source has it.
        example_type: its exception's full name.
        example_frame: its traceback's last frame.
    """

    verdict: Verdict
    source: str
    message: re.Pattern[str] = field(default_factory=lambda: re.compile(""))
    exception_type: re.Pattern[str] | None = None
    last_frame: re.Pattern[str] | None = None
    example: str = ""
    example_type: str = "RuntimeError"
    example_frame: str = ""

    def fits(self, exception_type: str, message: str, last_frame: str) -> bool:
        """Whether a failure is of this kind."""
        if self.exception_type and not self.exception_type.fullmatch(exception_type):
            return False
        if self.last_frame and not self.last_frame.search(last_frame):
            return False
        return self.message.search(message) is not None


def _re(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_TORCH_ERRORS = _re(
    r"RuntimeError|torch\.(?:\w+\.)?(?:AcceleratorError|DeviceError|DeferredCudaCallError)"
)
"""PyTorch's own: c10::Error comes as RuntimeError, since 2.8 a CUDA error as AcceleratorError."""
_OS_ERRORS = _re(r"OSError|IOError|FileNotFoundError|PermissionError|BlockingIOError")
_NETWORK_ERRORS = _re(
    r"requests\.exceptions\.(?:Connect\w*|ReadTimeout|Timeout|ChunkedEncodingError|SSLError)"
    r"|urllib\.error\.URLError|urllib3\.exceptions\.\w+|socket\.(?:gaierror|timeout)"
    r"|(?:builtins\.)?(?:Connection(?:Reset|Refused|Aborted)Error|TimeoutError)"
    r"|aiohttp\.client_exceptions\.(?:Client(?:Connector|OS|Payload)\w*|Server\w+)"
    r"|http\.client\.(?:RemoteDisconnected|IncompleteRead)"
    r"|(?:httpx|httpcore)\.(?:Connect\w*|Read\w*|RemoteProtocolError|PoolTimeout|WriteError)"
    r"|(?:\w+\.)*(?:NetworkError|LocalNetworkError|ApiServerError)"
)
_CUDA_RUNTIME = "CUDA Runtime API, Data types used by CUDA Runtime, enum cudaError: "
_STICKY_WORDS = (
    r"an illegal memory access|device-side assert|unspecified launch failure|misaligned address"
    r"|an illegal instruction|invalid program counter|invalid address space|hardware stack error"
    r"|the launch timed out|uncorrectable (?:ECC|NVLink) error|unknown error"
    r"|no CUDA-capable device|GPU is lost|fallen off the bus|Memory page fault"
)
_ERRNO_DISK = r"\[Errno (?:28|122|30|5|24)\]"

ROWS: tuple[Row, ...] = (
    # -- memory: first, as CUDA's own word for it begins like a failure of the device
    Row(
        Verdict.OUT_OF_MEMORY,
        "ComfyUI comfy/model_management.py OOM_EXCEPTION = torch.cuda.OutOfMemoryError, for which "
        "execution.py adds 'you ran out of memory on your GPU'; PyTorch torch/cuda/__init__.py",
        exception_type=_re(r"(?:torch\.)?(?:\w+\.)?OutOfMemoryError"),
        example="Allocation on device 0 would exceed allowed memory. (out of memory)",
        example_type="torch.OutOfMemoryError",
    ),
    Row(
        Verdict.OUT_OF_MEMORY,
        "PyTorch c10/cuda/CUDACachingAllocator.cpp 'CUDA out of memory. Tried to allocate'; "
        + _CUDA_RUNTIME
        + "cudaErrorMemoryAllocation 'out of memory'; ROCm says HIP in its place",
        _re(r"\b(?:CUDA|HIP|XPU|MPS)\]?(?: driver)?(?: error:| backend|:)? out of memory"),
        example="CUDA out of memory. Tried to allocate 2.25 GiB",
    ),
    Row(
        Verdict.OUT_OF_MEMORY,
        "PyTorch c10/cuda/CUDAMallocAsyncAllocator.cpp 'Allocation on device'; ComfyUI execution.py"
        " 'This error means you ran out of memory on your GPU'",
        _re(r"^Allocation on device|you ran out of memory on your GPU"),
        example="Allocation on device ",
    ),
    Row(
        Verdict.OUT_OF_MEMORY,
        "PyTorch c10/core/impl/alloc_cpu.cpp: 'DefaultCPUAllocator: not enough memory: you tried to"
        " allocate' (Windows), 'can't allocate memory: you tried to allocate' (others); "
        "aten/src/ATen/mps/MPSAllocator.mm 'Invalid buffer size: '; ONNX Runtime's "
        "bfc_arena.cc 'Failed to allocate memory for requested buffer of size'",
        _re(
            r"DefaultCPUAllocator: .*you tried to allocate|^Invalid buffer size: [\d.]+ ?[KMGT]"
            r"|Failed to allocate memory for requested buffer of size"
        ),
        example="[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate "
        "memory: you tried to allocate 412316860416 bytes. Error code 12 (Cannot allocate memory)",
    ),
    Row(
        Verdict.OUT_OF_MEMORY,
        "cuBLAS documentation, cublasStatus_t: CUBLAS_STATUS_ALLOC_FAILED 'usually caused by a "
        "cudaMalloc() failure'; cuDNN's status of that name likewise",
        _re(r"CU(?:BLAS|DNN)_STATUS_ALLOC_FAILED"),
        example="CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ),
    Row(
        Verdict.OUT_OF_MEMORY,
        "Python, built-in exceptions: MemoryError; numpy/_core/_exceptions.py _ArrayMemoryError, "
        "which calls itself MemoryError in some releases",
        exception_type=_re(r"(?:\w+\.)*(?:_Array)?MemoryError"),
        example="Unable to allocate 5.56 GiB for an array with shape (8, 8192, 8192, 3)",
        example_type="numpy._core._exceptions._ArrayMemoryError",
    ),
    Row(
        Verdict.OUT_OF_MEMORY,
        "errno(3) 12 ENOMEM, as when ffmpeg is to be started beside a large process",
        _re(r"\[Errno 12\]"),
        _OS_ERRORS,
        example="[Errno 12] Cannot allocate memory",
        example_type="OSError",
    ),
    # -- the device
    Row(
        Verdict.CALLER,
        _CUDA_RUNTIME + "cudaErrorInvalidDevice: the workflow names a GPU that is not there; "
        "cudaErrorInvalidValue, cudaErrorInvalidConfiguration: a launch that can never be done, "
        "such as of a batch too large for a kernel; neither says that the process must end",
        _re(r"^(?:CUDA|HIP) error: (?:invalid device ordinal|invalid (?:configuration )?argument)"),
        _TORCH_ERRORS,
        example="CUDA error: invalid device ordinal",
    ),
    Row(
        Verdict.STICKY,
        _CUDA_RUNTIME + "cudaErrorIllegalAddress, cudaErrorAssert, cudaErrorLaunchFailure, "
        "cudaErrorLaunchTimeout, cudaErrorMisalignedAddress, cudaErrorHardwareStackError and "
        "others 'leave the process in an inconsistent state ... the process must be terminated and "
        "relaunched'; devices that are lost are not found again; YanWenKun/ComfyUI-Docker #195, "
        "Triton third_party/nvidia/backend/driver.c 'Triton Error [CUDA]: '; "
        "Comfy-Org/ComfyUI #5428, #14756",
        _re(rf"^(?:(?:CUDA|HIP)(?: driver)? error|Triton Error \[\w+\]): (?:{_STICKY_WORDS})"),
        _TORCH_ERRORS,
        example="CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be "
        "asynchronously reported at some other API call",
        example_type="torch.AcceleratorError",
    ),
    Row(
        Verdict.DEVICE_FAILED,
        "PyTorch c10/cuda/CUDAException.cpp: every cudaError_t comes as 'CUDA error: ' and CUDA's "
        "words, a status of cuBLAS, cuSOLVER, cuFFT likewise (aten/src/ATen/cuda/Exceptions.h); "
        "inside of other words where a node wraps it. 'no kernel image' is of one extension's "
        "build, or of all: two tasks tell. ONNX Runtime's cuda_call.cc 'CUDA failure 700: ', "
        "CuPy's CUDARuntimeError 'cudaErrorIllegalAddress: '",
        _re(
            r"\b(?:CUDA|HIP)(?: driver)? error: |\bTriton Error \[|\bCUDA failure \d+: |^cudaError"
        ),
        example="CUDA error: no kernel image is available for execution on the device",
    ),
    Row(
        Verdict.DEVICE_FAILED,
        "PyTorch aten/src/ATen/cudnn/Exceptions.h 'cuDNN error: '; NVIDIA's names of statuses; "
        "native/cuda/CuFFTUtils.h 'cuFFT error: '; native/cudnn/Conv_v8.cpp 'unable to find an "
        "engine'; c10/cuda/CUDACachingAllocator.cpp 'NVML_SUCCESS == '",
        _re(
            r"\b(?:cuDNN|MIOpen|cuFFT) error: |\bCU(?:DNN|BLAS|SOLVER|FFT|SPARSE)_STATUS_[A-Z]+"
            r"|^(?:GET|FIND) was unable to find an engine|^NVML_SUCCESS == "
        ),
        example="cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    ),
    Row(
        Verdict.DEVICE_FAILED,
        "PyTorch torch/csrc/cuda/Module.cpp and c10/cuda/CUDAFunctions.cpp when CUDA is first used:"
        " a device that has gone, or a node that wants one on a server without",
        _re(
            r"^(?:No (?:CUDA|HIP) GPUs are available|Found no NVIDIA driver|CUDA unknown error"
            r"|Unexpected error from cuda|CUDA call failed lazily at initialization)"
        ),
        _TORCH_ERRORS,
        example="No CUDA GPUs are available",
    ),
    Row(
        Verdict.CALLER,
        "case 07; Comfy-Org/ComfyUI #6361, #7746: the workflow's nodes put tensors on two devices",
        _re(r"found at least two devices"),
        example="Expected all tensors to be on the same device, but found at least two devices, "
        "cuda:0 and cpu!",
    ),
    # -- files
    Row(
        Verdict.FILES_GONE,
        "errno(3) 107 ENOTCONN, 116 ESTALE: what FUSE answers when its process has ended, here "
        "Mountpoint for Amazon S3; the mount stays so in this container",
        _re(r"Transport endpoint is not connected|Stale file handle"),
        _re(rf"{_OS_ERRORS.pattern}|(?:\w+\.)*(?:SafetensorError|RuntimeError)"),
        example="[Errno 107] Transport endpoint is not connected: '/models/checkpoints/a.ckpt'",
        example_type="OSError",
    ),
    Row(
        Verdict.DEVICE_FAILED,
        "errno(3) 28 ENOSPC, 122 EDQUOT, 30 EROFS, 5 EIO, 24 EMFILE: one large video may fill what "
        "is left and the next task go well; where two tasks in a row meet it, only a new start "
        "(emptied folders, closed files) helps",
        _re(_ERRNO_DISK),
        _OS_ERRORS,
        example="[Errno 28] No space left on device",
        example_type="OSError",
    ),
    Row(
        Verdict.DEVICE_FAILED,
        "errno(3) 28 ENOSPC as ffmpeg, PyTorch's and safetensors' writers say it",
        _re(r"No space left on device"),
        example="An error occurred in the ffmpeg subprocess:\nav_interleaved_write_frame(): No "
        "space left on device",
        example_type="Exception",
    ),
    Row(
        Verdict.DEVICE_FAILED,
        "CPython Modules/_threadmodule.c: the process has no threads left",
        _re(r"^can't start new thread"),
        _re("RuntimeError"),
        example="can't start new thread",
    ),
    Row(
        Verdict.UNCERTAIN,
        "safetensors safetensors/src/tensor.rs SafeTensorError; PyTorch caffe2/serialize/"
        "inline_container.cc: a model's file is damaged, or was read while it was being stored",
        _re(r"Error while deserializing header|PytorchStreamReader failed"),
        example="Error while deserializing header: HeaderTooLarge",
        example_type="safetensors_rust.SafetensorError",
    ),
    # -- API nodes and downloads
    Row(
        Verdict.CALLER,
        "ComfyUI comfy_api_nodes/util/client.py, 401, 402, 409 of the service: the key, or its "
        "account, is the caller's",
        _re(
            r"Unauthorized: Please login first|Payment Required: Please add credits"
            r"|There is a problem with your account"
        ),
        example="Unauthorized: Please login first to use this node.",
        example_type="Exception",
    ),
    Row(
        Verdict.PASSING,
        "ComfyUI comfy_api_nodes/util/client.py, 429 of the service",
        _re(r"Rate Limit Exceeded: Please try again later"),
        example="Rate Limit Exceeded: Please try again later.",
        example_type="Exception",
    ),
    Row(
        Verdict.UNCERTAIN,
        "ComfyUI comfy_api_nodes/util/common_exceptions.py; requests.exceptions, urllib.error, "
        "aiohttp.client_exceptions, httpx: the way to a service is broken, or the workflow's "
        "address is wrong",
        exception_type=_NETWORK_ERRORS,
        example="HTTPSConnectionPool(host='example.com', port=443): Max retries exceeded",
        example_type="requests.exceptions.ConnectionError",
    ),
    Row(
        Verdict.UNCERTAIN,
        "requests requests/models.py raise_for_status: '503 Server Error: ... for url'; "
        "huggingface_hub's errors say it likewise",
        _re(r"\b5\d\d Server Error: "),
        example="503 Server Error: Service Unavailable for url: https://example.com/a.safetensors",
        example_type="requests.exceptions.HTTPError",
    ),
    Row(
        Verdict.UNCERTAIN,
        "errno(3) 101 ENETUNREACH, 113 EHOSTUNREACH and others, as CPython's Lib/socket.py, "
        "Lib/ssl.py and Lib/http/client.py raise them: no file, where the frame is a socket's",
        exception_type=_OS_ERRORS,
        last_frame=_re(r"/(?:socket|ssl|http/client|asyncio/\w+)\.py\""),
        example="[Errno 101] Network is unreachable",
        example_type="OSError",
        example_frame='  File "/usr/lib/python3.11/socket.py", line 833, in create_connection\n',
    ),
    # -- interrupts that a node passes on as a failure
    Row(
        Verdict.PASSING,
        "ComfyUI comfy/model_management.py InterruptProcessingException, comfy_api_nodes/util/"
        "common_exceptions.py ProcessingInterrupted: somebody interrupted the node",
        exception_type=_re(r"(?:\w+\.)*(?:InterruptProcessingException|ProcessingInterrupted)"),
        example="",
        example_type="comfy.model_management.InterruptProcessingException",
    ),
    # -- the workflow's: said here, as a row above could be thought to hold
    Row(
        Verdict.CALLER,
        "recorded: comfy_exec_error.json, comfy_exec_error_partial_outputs.json",
        _re(r"^cannot identify image file"),
        _re(r"PIL\.UnidentifiedImageError"),
        example="cannot identify image file '/srv/ComfyUI/input/bad.png'\n",
        example_type="PIL.UnidentifiedImageError",
    ),
    Row(
        Verdict.CALLER,
        "ComfyUI folder_paths.py get_save_image_path",
        _re(r"Saving image outside the output folder is not allowed"),
        example="**** ERROR: Saving image outside the output folder is not allowed.",
        example_type="Exception",
    ),
)

_FALLBACK = Row(Verdict.CALLER, "recorded: comfy_0.8.0_jobs_uploads_prompts.json, ValueError")


def row_of(exception_type: str, message: str, last_frame: str = "") -> Row:
    """Returns the row that a node's failure falls under.

    Args:
        exception_type: full name of the exception's class, as ComfyUI gives it.
        message: the exception's.
        last_frame: of the traceback; "" where there is none.
    """
    fitting = (row for row in ROWS if row.fits(exception_type, message, last_frame))
    return next(fitting, _FALLBACK)
