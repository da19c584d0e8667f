"""Whose fault it is that a node of a workflow failed: ComfyUI's own rows around the device's.

A failure looks like ComfyUI's `execution_error`: Python's full name of the exception, its message,
and where that decides the last frame of its traceback.

A failure that fits no row is the caller's. A node is a function of the workflow: nearly all that
is reported in public of nodes that fail (wrong shapes, missing files, a model of another family,
two devices) fails again in the same way, and a run costs minutes of a GPU. Who knows better of a
kind adds a row.

What ends a runtime at once begins as PyTorch's own message does (`device_faults`). The same inside
of other words, where a node wraps it, is a failure of the device, and two different tasks must meet
one in a row.
"""

import re

from easel_agent.runtimes import device_faults
from easel_agent.runtimes.device_faults import OS_ERRORS
from easel_agent.runtimes.faults import Row, Verdict, first_row


def _re(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_NETWORK_ERRORS = _re(
    r"requests\.exceptions\.(?:Connect\w*|ReadTimeout|Timeout|ChunkedEncodingError|SSLError)"
    r"|urllib\.error\.URLError|urllib3\.exceptions\.\w+|socket\.(?:gaierror|timeout)"
    r"|(?:builtins\.)?(?:Connection(?:Reset|Refused|Aborted)Error|TimeoutError)"
    r"|aiohttp\.client_exceptions\.(?:Client(?:Connector|OS|Payload)\w*|Server\w+)"
    r"|http\.client\.(?:RemoteDisconnected|IncompleteRead)"
    r"|(?:httpx|httpcore)\.(?:Connect\w*|Read\w*|RemoteProtocolError|PoolTimeout|WriteError)"
    r"|(?:\w+\.)*(?:NetworkError|LocalNetworkError|ApiServerError)"
)

ROWS: tuple[Row, ...] = (
    *device_faults.ROWS,
    Row(
        Verdict.DEVICE_FAILED,
        "the sources of the device's rows, where a node or another library puts words before: "
        "ONNX Runtime's cuda_call.cc '[ONNXRuntimeError] : 1 : FAIL : CUDA failure 700: '",
        _re(
            r"\b(?:CUDA|HIP)(?: driver)? error: |\bTriton Error \[|\bCUDA failure \d+: "
            r"|\b(?:cuDNN|MIOpen|cuFFT) error: |\bCU(?:DNN|BLAS|SOLVER|FFT|SPARSE)_STATUS_[A-Z]+"
        ),
        example="Error while sampling: CUDA error: an illegal memory access was encountered",
        example_type="Exception",
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
        exception_type=OS_ERRORS,
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
    return first_row(ROWS, exception_type, message, last_frame) or _FALLBACK
