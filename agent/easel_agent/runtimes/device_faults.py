"""Messages of PyTorch, CUDA and the system when memory, device or disk fail, in any runtime.

A word like "cuda" or "device" says nothing: it is in the names of files and in the mistakes of
tasks. Whatever ends a runtime at once must begin as PyTorch's own message does, so that no text of
a task that is repeated in a message can do so. Names of exceptions fit with and without their
modules.
"""

import re

from easel_agent.runtimes.faults import Row, Verdict


def _re(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


TORCH_ERRORS = _re(
    r"RuntimeError|(?:torch\.)?(?:\w+\.)?(?:AcceleratorError|DeviceError|DeferredCudaCallError)"
)
"""PyTorch's own: c10::Error comes as RuntimeError, since 2.8 a CUDA error as AcceleratorError."""
OS_ERRORS = _re(r"OSError|IOError|FileNotFoundError|PermissionError|BlockingIOError")
_CUDA_RUNTIME = "CUDA Runtime API, Data types used by CUDA Runtime, enum cudaError: "
_STICKY_WORDS = (
    r"an illegal memory access|device-side assert|unspecified launch failure|misaligned address"
    r"|an illegal instruction|invalid program counter|invalid address space|hardware stack error"
    r"|operation not supported on global/shared"
    r"|the launch timed out|uncorrectable (?:ECC|NVLink) error|unknown error"
    r"|no (?:CUDA|ROCm)-capable device|GPU is lost|fallen off the bus|Memory page fault"
)
_ERRNO_DISK = r"\[Errno (?:28|122|30|5|24)\]"

ROWS: tuple[Row, ...] = (
    # -- memory: first, as CUDA's own word for it begins like a failure of the device
    Row(
        Verdict.OUT_OF_MEMORY,
        "ComfyUI comfy/model_management.py OOM_EXCEPTION = torch.cuda.OutOfMemoryError, for which "
        "execution.py adds 'you ran out of memory on your GPU'; PyTorch torch/cuda/__init__.py",
        exception_type=_re(r"(?:\w+\.)*OutOfMemoryError"),
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
            r"(?:DefaultCPUAllocator|CPU): .*memory: you tried to allocate"
            r"|^Invalid buffer size: [\d.]+ ?[KMGT]"
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
        OS_ERRORS,
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
        TORCH_ERRORS,
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
        TORCH_ERRORS,
        example="CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be "
        "asynchronously reported at some other API call",
        example_type="torch.AcceleratorError",
    ),
    Row(
        Verdict.DEVICE_FAILED,
        "PyTorch c10/cuda/CUDAException.cpp: every cudaError_t comes as 'CUDA error: ' and CUDA's "
        "words, a status of cuBLAS, cuSOLVER, cuFFT likewise (aten/src/ATen/cuda/Exceptions.h); "
        "'no kernel image' is of one extension's "
        "build, or of all: two tasks tell. ONNX Runtime's cuda_call.cc 'CUDA failure 700: ', "
        "CuPy's CUDARuntimeError 'cudaErrorIllegalAddress: '",
        _re(r"^(?:(?:CUDA|HIP)(?: driver)? error: |Triton Error \[|CUDA failure \d+: |cudaError)"),
        example="CUDA error: no kernel image is available for execution on the device",
    ),
    Row(
        Verdict.DEVICE_FAILED,
        "PyTorch aten/src/ATen/cudnn/Exceptions.h 'cuDNN error: '; NVIDIA's names of statuses; "
        "native/cuda/CuFFTUtils.h 'cuFFT error: '; native/cudnn/Conv_v8.cpp 'unable to find an "
        "engine'; c10/cuda/CUDACachingAllocator.cpp 'NVML_SUCCESS == '",
        _re(
            r"^(?:(?:cuDNN|MIOpen|cuFFT|rocBLAS) error"
            r"|CU(?:DNN|BLAS|SOLVER|FFT|SPARSE)_STATUS_[A-Z]"
            r"|(?:GET|FIND) was unable to find an engine|Unable to find a valid cuDNN algorithm"
            r"|NVML_SUCCESS == )"
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
        TORCH_ERRORS,
        example="No CUDA GPUs are available",
    ),
    Row(
        Verdict.CALLER,
        "case 07; Comfy-Org/ComfyUI #6361, #7746: the workflow's nodes put tensors on two devices",
        _re(r"found (?:at least )?two devices"),
        example="Expected all tensors to be on the same device, but found at least two devices, "
        "cuda:0 and cpu!",
    ),
    # -- files
    Row(
        Verdict.DISK_BROKEN,
        "errno(3) 107 ENOTCONN, 116 ESTALE: what FUSE answers when its process has ended, here "
        "Mountpoint for Amazon S3; the mount stays so in this container",
        _re(r"Transport endpoint is not connected|Stale file handle"),
        _re(rf"{OS_ERRORS.pattern}|(?:\w+\.)*(?:SafetensorError|RuntimeError)"),
        example="[Errno 107] Transport endpoint is not connected: '/models/checkpoints/a.ckpt'",
        example_type="OSError",
    ),
    Row(
        Verdict.DEVICE_FAILED,
        "errno(3) 28 ENOSPC, 122 EDQUOT, 30 EROFS, 5 EIO, 24 EMFILE: one large video may fill what "
        "is left and the next task go well; where two tasks in a row meet it, only a new start "
        "(emptied folders, closed files) helps",
        _re(_ERRNO_DISK),
        OS_ERRORS,
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
)
