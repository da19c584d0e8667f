"""The runtimes that the agent knows, by type."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from easel_agent.runtimes.base import Runtime
from easel_agent.settings import AgentSettings
from easel_contract.task import RuntimeType


@dataclass(frozen=True)
class RegisteredRuntime:
    """A type of runtime.

    Attributes:
        module: has `make(settings)`, which returns the adapter. Only the module of the pod's own
            runtime is imported: a start is on the way from zero to a picture.
        progress_tells_all: whether the progress that the adapter tells is of the whole task, so
            that the task's end can be forecast; ComfyUI tells the progress of single nodes.
    """

    module: str
    progress_tells_all: bool


REGISTRY: Mapping[RuntimeType, RegisteredRuntime] = {
    RuntimeType.SDWEBUI: RegisteredRuntime(
        "easel_agent.runtimes.sdwebui.adapter", progress_tells_all=True
    ),
    RuntimeType.COMFYUI: RegisteredRuntime(
        "easel_agent.runtimes.comfyui.adapter", progress_tells_all=False
    ),
}


def make_runtime(settings: AgentSettings) -> Runtime:
    """Returns the adapter for the runtime's type; nothing is sent to the runtime yet."""
    adapter: Runtime = import_module(REGISTRY[settings.runtime_type].module).make(settings)
    return adapter
