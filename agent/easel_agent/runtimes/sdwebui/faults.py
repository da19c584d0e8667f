"""Whose fault a failure of SD WebUI is: its own rows around the device's.

`sdwebui_errors` reads them.

SD WebUI answers 500 to many a caller's mistake, so the status alone decides nothing. An answer is
`{"error": exception's class, "detail", "body", "errors": str(exception)}` (AUTOMATIC1111's
modules/api/api.py, `handle_exception`), `{"detail": [...]}` of a body that was not read, or
`{"error", "message"}` of sd-server. A failure that fits no row is uncertain.
"""

import re

from easel_agent.runtimes import device_faults
from easel_agent.runtimes.device_faults import TORCH_ERRORS
from easel_agent.runtimes.faults import Row, Verdict


def _row(error: str, message: str, verdict: Verdict, source: str) -> Row:
    """A row by regular expressions: for all of the class's name, and for the message's begin.

    Texts hold names that a caller chose, so nothing is looked for in their middle without need.
    """
    begin = re.compile(rf"\A(?:{message})", re.DOTALL)
    return Row(verdict, source, begin, re.compile(error))


_TORCH = TORCH_ERRORS.pattern
_ANY = r".*"
_CUDA = r"(?:CUDA|HIP) error: "

ROWS: tuple[Row, ...] = (
    # --- names that the caller chose stand in these texts: they come first -----------------------
    _row(
        "Exception|AssertionError",
        "could not find upscaler named ",
        Verdict.CALLER,
        "a1111_1.10.1_generate_and_errors hires_bad_upscaler, a1111_errors extra_bad_upscaler",
    ),
    _row(
        "Exception",
        "Could not find checkpoint with name ",
        Verdict.CALLER,
        "a1111_1.10.1_generate_and_errors refiner_unknown, hires_bad_checkpoint",
    ),
    _row(
        "RuntimeError",
        "model .* not found$",
        Verdict.CALLER,
        "a1111_errors options_bad_ckpt",
    ),
    _row("KeyError", _ANY, Verdict.CALLER, "a1111_errors override_unknown_setting"),
    _row(
        "HTTPException",
        _ANY,
        Verdict.CALLER,
        "a1111_errors img2img_bad_b64, a1111_1.10.1_generate_and_errors mask_bad_b64",
    ),
    # --- SD WebUI itself needs the device and the disk: without them every job fails --------------
    _row(
        "RuntimeError",
        "Not enough memory, use lower resolution",
        Verdict.OUT_OF_MEMORY,
        "AUTOMATIC1111 modules/sd_hijack_optimizations.py `split_cross_attention_forward`",
    ),
    _row(
        _TORCH,
        _CUDA + r"(?:initialization error|all CUDA-capable devices are busy|"
        r"CUDA-capable device\(s\) is/are busy|CUDA driver version is insufficient|"
        r"no kernel image is available|system has unsupported display driver|"
        r"driver shutting down|invalid device ordinal)",
        Verdict.STICKY,
        "CUDA Runtime API, cudaError: cudaErrorInitializationError, DevicesUnavailable, "
        "InsufficientDriver, NoKernelImageForDevice, SystemDriverMismatch, CudartUnloading, "
        "InvalidDevice",
    ),
    _row(
        "RuntimeError",
        r"(?:No CUDA GPUs are available|No HIP GPUs are available|Found no NVIDIA driver|"
        r"The NVIDIA driver on your system is too old|CUDA unknown error)",
        Verdict.STICKY,
        "PyTorch c10/cuda/CUDAFunctions.cpp `device_count_impl`; torch/csrc/cuda/Module.cpp",
    ),
    _row(
        "AssertionError",
        "Torch not compiled with CUDA enabled",
        Verdict.STICKY,
        "PyTorch torch/cuda/__init__.py `_lazy_init`",
    ),
    _row(
        _ANY,
        r"(?:NVRM: )?(?:Xid .*)?GPU has fallen off the bus",
        Verdict.STICKY,
        "NVIDIA XID Errors, Xid 79",
    ),
    _row(
        "OSError|PermissionError|RuntimeError|SafetensorError",
        r"(?:\[Errno (?:28|122)\]|.*No space left on device ?\(?(?:os error \d+\))?$)",
        Verdict.DISK_BROKEN,
        "errno(3) ENOSPC, EDQUOT, and as Rust's std::io::Error tells it: what fills the disk is no "
        "task's, as the agent has no picture saved there",
    ),
    *device_faults.ROWS,
    _row(
        "SafetensorError|UnpicklingError|BadZipFile|EOFError",
        _ANY,
        Verdict.UNCERTAIN,
        "safetensors bindings/python/src/lib.rs: a file that is cut or still copied; "
        "AUTOMATIC1111 issues 10199, 12590: neither the caller's nor gone by itself",
    ),
    # --- what AUTOMATIC1111 raises of the caller's values ----------------------------------------
    _row("ZeroDivisionError", _ANY, Verdict.CALLER, "a1111_errors steps_zero"),
    _row(
        "IndexError",
        "list index out of range",
        Verdict.CALLER,
        "a1111_1.10.1_generate_and_errors n_iter_0, batch_0",
    ),
    _row(
        "TypeError",
        ".*not supported between instances of ",
        Verdict.CALLER,
        "a1111_1.10.1_generate_and_errors hires_no_denoise",
    ),
    _row(
        "TypeError",
        r".*(?:got an unexpected keyword argument|argument must be |must be real number|"
        r"can't multiply sequence|missing \d+ required positional argument)",
        Verdict.CALLER,
        "AUTOMATIC1111 modules/api/api.py `init_script_args`: a script's args go into a call as "
        "the caller wrote them",
    ),
    _row(
        "ValueError",
        r".*(?:height and width must be > 0|could not convert|invalid literal for|"
        r"not enough values to unpack|too many values to unpack|tile cannot extend|"
        r"images do not match|unknown color specifier)",
        Verdict.CALLER,
        "Pillow PIL/Image.py `resize`, `composite`; Python's int() and float() of a script's args",
    ),
    _row(
        "AssertionError",
        _ANY,
        Verdict.CALLER,
        "AUTOMATIC1111 checks of what was asked for: modules/sd_samplers.py `p_sample_ddim_hook` "
        "(composition via AND), modules/upscaler.py",
    ),
    _row(
        "UnidentifiedImageError|DecompressionBombError",
        _ANY,
        Verdict.CALLER,
        "Pillow PIL/Image.py `open`, `_decompression_bomb_check`",
    ),
    _row(
        "Error",
        r"(?:Incorrect padding|Invalid base64-encoded string|Non-base64 digit found|Excess data)",
        Verdict.CALLER,
        "CPython Modules/binascii.c `a2b_base64`, where a script decodes a picture of its own",
    ),
    _row(
        "RuntimeError",
        ".*Kernel size can't be greater than actual input size",
        Verdict.CALLER,
        "a1111_errors width_zero",
    ),
    _row(
        "RuntimeError",
        "Trying to create tensor with negative dimension|number of steps must be non-negative",
        Verdict.CALLER,
        "a1111_errors huge; PyTorch aten/src/ATen/native/RangeFactories.cpp `linspace`",
    ),
    _row(
        "RuntimeError",
        r"bad number of images passed",
        Verdict.CALLER,
        "a1111_1.10.1_generate_and_errors two_init_images",
    ),
    _row(
        "RuntimeError",
        r"Expected 3D \(unbatched\) or 4D \(batched\) input to conv2d",
        Verdict.CALLER,
        "a1111_1.10.1_generate_and_errors init_empty_list",
    ),
    _row(
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
    # --- undecided -------------------------------------------------------------------------------
    _row(
        "NansException",
        _ANY,
        Verdict.UNCERTAIN,
        "AUTOMATIC1111 modules/devices.py `test_for_nans`; issue 15872: at random with the same "
        "request, 12131: for ever on another machine",
    ),
    _row(
        "server_error",
        r"\[json\.exception\.",
        Verdict.CALLER,
        "sdcpp_errors bad_type_422, not_json",
    ),
)
