"""Whose fault is it: SD WebUI's failures told apart, in one table (`sdwebui_errors` reads it).

SD WebUI answers 500 to many a caller's mistake, so the status alone decides nothing. An answer is
`{"error": exception's class, "detail", "body", "errors": str(exception)}` (AUTOMATIC1111's
modules/api/api.py, `handle_exception`), `{"detail": [...]}` of a body that was not read, or
`{"error", "message"}` of sd-server.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto


class Verdict(Enum):
    """What a failure stands for."""

    CALLER = auto()  # again would end the same
    OUT_OF_MEMORY = auto()
    DEVICE_FAILED = auto()  # may be broken
    DEVICE_BROKEN = auto()  # every later job of the process fails
    DISK_BROKEN = auto()  # every later job fails that touches the disk
    PASSING = auto()  # again may end better
    DOUBTFUL = auto()  # a few times more may tell


@dataclass(frozen=True)
class Fault:
    """A row: what a failure looks like, and what it stands for.

    Attributes:
        error: the exception's class, as a regular expression for all of its name.
        message: what its text begins with, as a regular expression. Texts hold names that a
            caller chose, so nothing is looked for in their middle without need.
        verdict: what the failure stands for.
        source: a recording's exchange (tests/data/captures), or where the failure is raised.
    """

    error: str
    message: str
    verdict: Verdict
    source: str

    def fits(self, error: str, message: str) -> bool:
        """Whether a failure looks so."""
        return bool(re.fullmatch(self.error, error) and re.match(self.message, message, re.DOTALL))


_TORCH = r"RuntimeError|AcceleratorError|DeferredCudaCallError|OutOfMemoryError"
_ANY = r".*"
_CUDA = r"(?:CUDA|HIP) error: "

FAULTS: tuple[Fault, ...] = (
    # --- names that the caller chose stand in these texts: they come first -----------------------
    Fault(
        "Exception|AssertionError",
        "could not find upscaler named ",
        Verdict.CALLER,
        "a1111_1.10.1_generate_and_errors hires_bad_upscaler, a1111_errors extra_bad_upscaler",
    ),
    Fault(
        "Exception",
        "Could not find checkpoint with name ",
        Verdict.CALLER,
        "a1111_1.10.1_generate_and_errors refiner_unknown, hires_bad_checkpoint",
    ),
    Fault(
        "RuntimeError",
        "model .* not found$",
        Verdict.CALLER,
        "a1111_errors options_bad_ckpt",
    ),
    Fault("KeyError", _ANY, Verdict.CALLER, "a1111_errors override_unknown_setting"),
    Fault(
        "HTTPException",
        _ANY,
        Verdict.CALLER,
        "a1111_errors img2img_bad_b64, a1111_1.10.1_generate_and_errors mask_bad_b64",
    ),
    # --- memory ----------------------------------------------------------------------------------
    Fault(
        "OutOfMemoryError|MemoryError|_ArrayMemoryError",
        _ANY,
        Verdict.OUT_OF_MEMORY,
        "PyTorch c10/cuda/CUDACachingAllocator.cpp `malloc` (torch.cuda.OutOfMemoryError); "
        "Python's MemoryError; NumPy numpy/core/_exceptions.py `_ArrayMemoryError`",
    ),
    Fault(
        _TORCH,
        r"(?:(?:CUDA|HIP|MPS backend|XPU) out of memory|Allocation on device)",
        Verdict.OUT_OF_MEMORY,
        "PyTorch c10/cuda/CUDACachingAllocator.cpp, hipified for ROCm; "
        "aten/src/ATen/mps/MPSAllocator.mm",
    ),
    Fault(
        _TORCH,
        _CUDA + r"(?:out of memory|CUBLAS_STATUS_ALLOC_FAILED)",
        Verdict.OUT_OF_MEMORY,
        "CUDA Runtime API cudaErrorMemoryAllocation; cuBLAS CUBLAS_STATUS_ALLOC_FAILED",
    ),
    Fault(
        "RuntimeError",
        r".*(?:not enough|can't allocate) memory: you tried to allocate|"
        r"Not enough memory, use lower resolution|Invalid buffer size: ",
        Verdict.OUT_OF_MEMORY,
        "PyTorch c10/core/impl/alloc_cpu.cpp `alloc_cpu`, behind '[enforce fail at ...]'; "
        "AUTOMATIC1111 modules/sd_hijack_optimizations.py `split_cross_attention_forward`; "
        "PyTorch aten/src/ATen/mps/MPSAllocator.mm",
    ),
    # --- the device ------------------------------------------------------------------------------
    Fault(
        _TORCH,
        _CUDA + r"(?:an illegal memory access was encountered|device-side assert triggered|"
        r"unspecified launch failure|an illegal instruction was encountered|misaligned address|"
        r"invalid program counter|hardware stack error|operation not supported on global/shared|"
        r"the launch timed out and was terminated)",
        Verdict.DEVICE_BROKEN,
        "CUDA Runtime API, cudaError: 'leaves the process in an inconsistent state and any further "
        "CUDA work will return the same error'; AUTOMATIC1111 issues 15015, 12582",
    ),
    Fault(
        _TORCH,
        _CUDA + r"(?:no (?:CUDA|ROCm)-capable device|uncorrectable (?:NVLink|ECC) error|"
        r"unknown error|initialization error|all CUDA-capable devices are busy|"
        r"CUDA-capable device\(s\) is/are busy|GPU is lost|"
        r"CUDA driver version is insufficient|no kernel image is available|"
        r"system has unsupported display driver|driver shutting down|invalid device ordinal)",
        Verdict.DEVICE_BROKEN,
        "CUDA Runtime API, cudaError: cudaErrorNoDevice, ECCUncorrectable, Unknown, "
        "InitializationError, DevicesUnavailable, InsufficientDriver, NoKernelImageForDevice, "
        "SystemDriverMismatch, CudartUnloading, InvalidDevice",
    ),
    Fault(
        "RuntimeError",
        r"(?:No CUDA GPUs are available|No HIP GPUs are available|Found no NVIDIA driver|"
        r"The NVIDIA driver on your system is too old|CUDA unknown error)",
        Verdict.DEVICE_BROKEN,
        "PyTorch c10/cuda/CUDAFunctions.cpp `device_count_impl`; torch/csrc/cuda/Module.cpp",
    ),
    Fault(
        "AssertionError",
        "Torch not compiled with CUDA enabled",
        Verdict.DEVICE_BROKEN,
        "PyTorch torch/cuda/__init__.py `_lazy_init`",
    ),
    Fault(
        _ANY,
        r"(?:NVRM: )?(?:Xid .*)?GPU has fallen off the bus",
        Verdict.DEVICE_BROKEN,
        "NVIDIA XID Errors, Xid 79",
    ),
    Fault(
        _TORCH,
        _CUDA + "invalid configuration argument",
        Verdict.CALLER,
        "CUDA Runtime API cudaErrorInvalidConfiguration: more than the device can launch, which "
        "the task's size asks for; leaves the process as it was",
    ),
    Fault(
        _TORCH,
        r"(?:cuDNN error: |CUDNN_STATUS_|CUBLAS_STATUS_|MIOpen Error|rocBLAS error|"
        r"(?:GET|FIND) was unable to find an engine to execute this computation|"
        r"Unable to find a valid cuDNN algorithm)",
        Verdict.DEVICE_FAILED,
        "PyTorch aten/src/ATen/cudnn/Exceptions.h, native/cudnn/Conv_v7.cpp, Conv_v8.cpp",
    ),
    Fault(
        _TORCH,
        _CUDA,
        Verdict.DEVICE_FAILED,
        "PyTorch c10/cuda/CUDAException.cpp `c10_cuda_check_implementation`: any other",
    ),
    # --- the disk --------------------------------------------------------------------------------
    Fault(
        "OSError|PermissionError",
        r"\[Errno (?:28|107|116|122)\]",
        Verdict.DISK_BROKEN,
        "errno(3): ENOSPC; ENOTCONN and ESTALE of a mount that has gone (Mountpoint for Amazon S3 "
        "killed: examined-2026-11 6); EDQUOT",
    ),
    Fault(
        "RuntimeError|SafetensorError",
        r".*(?:No space left on device|Transport endpoint is not connected) ?\(?(?:os error \d+\))?"
        r"$",
        Verdict.DISK_BROKEN,
        "Rust std::io::Error as safetensors tells it; PyTorch caffe2/serialize/inline_container.cc",
    ),
    Fault(
        "SafetensorError|UnpicklingError|BadZipFile|EOFError",
        _ANY,
        Verdict.DOUBTFUL,
        "safetensors bindings/python/src/lib.rs: a file that is cut or still copied; "
        "AUTOMATIC1111 issues 10199, 12590: neither the caller's nor gone by itself",
    ),
    # --- what AUTOMATIC1111 raises of the caller's values ----------------------------------------
    Fault("ZeroDivisionError", _ANY, Verdict.CALLER, "a1111_errors steps_zero"),
    Fault(
        "IndexError",
        "list index out of range",
        Verdict.CALLER,
        "a1111_1.10.1_generate_and_errors n_iter_0, batch_0",
    ),
    Fault(
        "TypeError",
        ".*not supported between instances of ",
        Verdict.CALLER,
        "a1111_1.10.1_generate_and_errors hires_no_denoise",
    ),
    Fault(
        "TypeError",
        r".*(?:got an unexpected keyword argument|argument must be |must be real number|"
        r"can't multiply sequence|missing \d+ required positional argument)",
        Verdict.CALLER,
        "AUTOMATIC1111 modules/api/api.py `init_script_args`: a script's args go into a call as "
        "the caller wrote them",
    ),
    Fault(
        "ValueError",
        r".*(?:height and width must be > 0|could not convert|invalid literal for|"
        r"not enough values to unpack|too many values to unpack|tile cannot extend|"
        r"images do not match|unknown color specifier)",
        Verdict.CALLER,
        "Pillow PIL/Image.py `resize`, `composite`; Python's int() and float() of a script's args",
    ),
    Fault(
        "AssertionError",
        _ANY,
        Verdict.CALLER,
        "AUTOMATIC1111 checks of what was asked for: modules/sd_samplers.py `p_sample_ddim_hook` "
        "(composition via AND), modules/upscaler.py",
    ),
    Fault(
        "UnidentifiedImageError|DecompressionBombError",
        _ANY,
        Verdict.CALLER,
        "Pillow PIL/Image.py `open`, `_decompression_bomb_check`",
    ),
    Fault(
        "Error",
        r"(?:Incorrect padding|Invalid base64-encoded string|Non-base64 digit found|Excess data)",
        Verdict.CALLER,
        "CPython Modules/binascii.c `a2b_base64`, where a script decodes a picture of its own",
    ),
    Fault(
        "RuntimeError",
        ".*Kernel size can't be greater than actual input size",
        Verdict.CALLER,
        "a1111_errors width_zero",
    ),
    Fault(
        "RuntimeError",
        "Trying to create tensor with negative dimension|number of steps must be non-negative",
        Verdict.CALLER,
        "a1111_errors huge; PyTorch aten/src/ATen/native/RangeFactories.cpp `linspace`",
    ),
    Fault(
        "RuntimeError",
        r"bad number of images passed",
        Verdict.CALLER,
        "a1111_1.10.1_generate_and_errors two_init_images",
    ),
    Fault(
        "RuntimeError",
        r"Expected 3D \(unbatched\) or 4D \(batched\) input to conv2d",
        Verdict.CALLER,
        "a1111_1.10.1_generate_and_errors init_empty_list",
    ),
    Fault(
        "RuntimeError",
        r"(?:mat1 and mat2 shapes cannot be multiplied|mat1 and mat2 must have the same dtype|"
        r"Sizes of tensors must match except in dimension|"
        r"The size of tensor a \(.*must match the size of tensor b|"
        r"The expanded size of the tensor \(.*must match the existing size|"
        r"Given groups=\d+, (?:weight of size|expected weight)|shape '.*' is invalid for input)",
        Verdict.CALLER,
        "a ControlNet, LoRA or input of another model family: Mikubill/sd-webui-controlnet issues "
        "2105, 2240, AUTOMATIC1111 issue 13528",
    ),
    Fault(
        "RuntimeError",
        "Expected all tensors to be on the same device",
        Verdict.CALLER,
        "Comfy-Org/ComfyUI issues 6361, 7746, the same in SD WebUI's extensions: no device failed",
    ),
    # --- undecided -------------------------------------------------------------------------------
    Fault(
        "NansException",
        _ANY,
        Verdict.DOUBTFUL,
        "AUTOMATIC1111 modules/devices.py `test_for_nans`; issue 15872: at random with the same "
        "request, 12131: for ever on another machine",
    ),
    Fault(
        "server_error",
        r"\[json\.exception\.",
        Verdict.CALLER,
        "sdcpp_errors bad_type_422, not_json",
    ),
)
"""The first that fits counts. Not in it: a failure that nobody knows, which is DOUBTFUL, too."""
