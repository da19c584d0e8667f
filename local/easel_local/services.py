"""The processes of the local stack that stand in for a pod: runtimes and queue agents."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path

import requests

from easel_cli.target import Target, TargetRuntime
from easel_contract.task import RuntimeType
from easel_local.ports import LOOPBACK
from easel_local.presets import SIMULATED_MODELS
from easel_local.processes import ManagedProcess

_READY_SECONDS = 30.0
_POLL_SECONDS = 0.1
_LOCAL_RECEIVE_WAIT_SECONDS = 2
"""Short, so that an idle agent stops soon; on AWS it is 20 s."""

_LOCAL_INPUT_HOSTS = f"{LOOPBACK},localhost"
"""So that a task's picture can come from a server on this machine."""

IMAGE_ENVIRONMENT = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "786432"}
"""As in agent/Dockerfile: large answers go back to the system, and no arena per thread keeps what
they leave behind."""

_SIMULATORS = {
    RuntimeType.SDWEBUI: "easel_simulators.sdwebui",
    RuntimeType.COMFYUI: "easel_simulators.comfyui",
}
_READY_PATHS = {
    RuntimeType.SDWEBUI: "/sdapi/v1/progress",
    RuntimeType.COMFYUI: "/system_stats",
}


class ServiceError(Exception):
    """A process did not come up; the message says why and where its log is."""


def simulator_command(
    runtime: TargetRuntime, port: int, service_seconds: float, files: Path | None = None
) -> list[str]:
    """The command line of a simulated runtime.

    Args:
        runtime: which it stands in for.
        port: where it listens, on 127.0.0.1.
        service_seconds: how long it takes for one task.
        files: folder for what a ComfyUI keeps on disk; None lets it make one of its own.
    """
    models = [runtime.model_filename] if runtime.model_filename else SIMULATED_MODELS
    keeps_files = files is not None and runtime.type is RuntimeType.COMFYUI
    return [
        *(sys.executable, "-m", _SIMULATORS[runtime.type]),
        *("--host", LOOPBACK, "--port", str(port), "--service-time", str(service_seconds)),
        *("--models", ",".join(models)),
        *(("--base-directory", str(files)) if keeps_files else ()),
    ]


def await_runtime(process: ManagedProcess, runtime_type: RuntimeType, url: str) -> None:
    """Waits until a runtime answers.

    Raises:
        ServiceError: it ended, or did not answer in time.
    """
    deadline = time.monotonic() + _READY_SECONDS
    with requests.Session() as http:
        http.trust_env = False
        while time.monotonic() < deadline and process.is_running():
            try:
                http.get(url + _READY_PATHS[runtime_type], timeout=2)
            except requests.RequestException:
                time.sleep(_POLL_SECONDS)
            else:
                return
    raise ServiceError(
        f"{process.name} did not come up: {process.last_log_line()} (log: {process.log})"
    )


def agent_command() -> list[str]:
    """The command line of the queue agent, the same that the image runs."""
    return [sys.executable, "-m", "easel_agent"]


def agent_environment(
    name: str,
    target: Target,
    runtime_url: str,
    aws_environment: Mapping[str, str],
    files: Path | None = None,
) -> dict[str, str]:
    """The environment of a runtime's queue agent.

    Args:
        name: of the runtime in the target.
        target: the applied stack.
        runtime_url: where the runtime listens.
        aws_environment: a whole environment with AWS's endpoint, region and credentials.
        files: folder of what the runtime keeps on disk, for the agent to tidy up; None where the
            runtime is not on this machine's disk.
    """
    runtime = target.runtimes[name]
    return {
        **aws_environment,
        "EASEL_RUNTIME_NAME": name,
        "EASEL_RUNTIME_TYPE": runtime.type,
        "EASEL_RUNTIME_URL": runtime_url,
        "EASEL_DYNAMIC_MODEL": str(runtime.dynamic_model),
        "EASEL_QUEUE_URL": runtime.queue_url,
        "EASEL_DEAD_LETTER_QUEUE_URL": runtime.dead_letter_queue_url,
        "EASEL_NOTIFICATIONS_TOPIC_ARN": target.notifications_topic_arn,
        "EASEL_OUTPUT_BUCKET": target.output_bucket,
        "EASEL_RECORDS_TABLE": target.records_table,
        **IMAGE_ENVIRONMENT,
        "EASEL_HEALTH_PORT": "0",
        "EASEL_RECEIVE_WAIT_SECONDS": str(_LOCAL_RECEIVE_WAIT_SECONDS),
        "EASEL_INPUT_ALLOWED_HOSTS": _LOCAL_INPUT_HOSTS,
        **({} if files is None else {"EASEL_RUNTIME_FILES_DIR": str(files)}),
    }
