"""One job on its way: node after node, telling its client and keeping messages for the history."""

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from easel_simulators.comfyui.device import Device
from easel_simulators.comfyui.events import Events
from easel_simulators.comfyui.folders import Folders
from easel_simulators.comfyui.graph import run_order, signatures
from easel_simulators.comfyui.node_types import NodeResult, NodeType, NodeTypes, is_link
from easel_simulators.comfyui.queue import Entry, Job, now_milliseconds
from easel_simulators.jobs import Lifetime
from easel_simulators.server import ConnectionDropped

_PRIMITIVES = (str, int, float, bool, type(None))


class Interrupted(Exception):  # noqa: N818 - ComfyUI's term
    """The job was interrupted."""


@dataclass(frozen=True)
class Machine:
    """What the jobs of one process run on."""

    lifetime: Lifetime
    nodes: NodeTypes
    folders: Folders
    events: Events
    encode_png: Callable[[Image.Image, dict[str, str]], bytes]
    load_seconds: float


class JobRun:
    """One job on its way; the ``RunContext`` of its nodes."""

    def __init__(
        self, job: Job, machine: Machine, device: Device, cache: Mapping[str, NodeResult]
    ) -> None:
        self.job = job
        self.prompt = job.prompt
        self.folders = machine.folders
        self._machine = machine
        self._device = device
        self._signatures = signatures(job.prompt, job.outputs, machine.nodes)
        # What the last job did not need is forgotten: ComfyUI's default cache.
        self.cache = {one: cache[one] for one in self._signatures.values() if one in cache}
        self._fault = job.fault
        self._interrupted = False
        self._node_id = next(iter(job.prompt))
        self._states: dict[str, dict[str, Any]] = {}
        self._messages: list[tuple[str, dict[str, Any]]] = []
        self._outputs: dict[str, Mapping[str, list[Any]]] = {}
        self._executed: list[str] = []
        self._given_to_node: Mapping[str, Any] = {}

    def interrupt(self) -> None:
        """Have it stop at the next step."""
        with self._machine.lifetime.changed:
            self._interrupted = True
            self._machine.lifetime.changed.notify_all()

    def work(self, seconds: float) -> None:
        """Keep the GPU busy.

        Raises:
            Interrupted: The job was interrupted.
            ConnectionDropped: The process ended.
        """
        lifetime = self._machine.lifetime
        deadline = time.monotonic() + seconds
        with lifetime.changed:
            while not self._interrupted and (left := deadline - time.monotonic()) > 0:
                lifetime.check()
                lifetime.changed.wait(left)
        lifetime.check()
        if self._interrupted:
            raise Interrupted

    def load_checkpoint(self, name: str) -> None:
        """Load a checkpoint unless it is loaded; nothing interrupts that."""
        self._device.load(name, self._machine.load_seconds)

    def encode_png(self, picture: Image.Image, texts: dict[str, str]) -> bytes:
        """Encode a picture as a PNG with its texts."""
        return self._machine.encode_png(picture, texts)

    def progress(self, value: int, maximum: int) -> None:
        """Tell how many steps of the node are done."""
        self._set_state(value, maximum, "running")
        ids = {"prompt_id": self.job.prompt_id, "node": self._node_id}
        self._tell("progress", {"value": value, "max": maximum, **ids})

    def run(self) -> str:
        """Run every node that is not cached.

        Returns:
            ``completed``, ``failed`` or ``interrupted``.
        """
        prompt, outputs = self.prompt, self.job.outputs
        cached = [one for one in prompt if self._signatures.get(one) in self.cache]
        self._note("execution_start", {"prompt_id": self.job.prompt_id})
        self._note("execution_cached", {"nodes": cached, "prompt_id": self.job.prompt_id})
        try:
            self._machine.events.client_id = self.job.client_id
            for node_id in run_order(prompt, outputs, cached, self._machine.nodes):
                self._node_id = node_id
                if node_id in cached:
                    self._repeat_cached()
                else:
                    self._run_node()
        except Interrupted:
            self._note("execution_interrupted", self._failure())
            return "interrupted"
        except ConnectionDropped:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a node raises is the job's failure
            self._note("execution_error", self._failure() | self._described(error))
            return "failed"
        finally:
            self._machine.events.client_id = self._machine.events.last_node = None
        self._note("execution_success", {"prompt_id": self.job.prompt_id})
        return "completed"

    def entry(self) -> Entry:
        """What history keeps."""
        completed = self._messages[-1][0] == "execution_success"
        return {
            "prompt": self.job.listed(),
            "outputs": dict(self._outputs),
            "status": {
                "status_str": "success" if completed else "error",
                "completed": completed,
                "messages": [list(message) for message in self._messages],
            },
            "meta": {
                one: {
                    "node_id": one,
                    "display_node": one,
                    "parent_node": None,
                    "real_node_id": one,
                }
                for one in self._outputs
            },
        }

    def _run_node(self) -> None:
        node_id = self._node_id
        node = self.prompt[node_id]
        self._machine.events.last_node = node_id
        self._set_state(0.0, 1.0, "running")
        self._tell("executing", self._ids("node", "display_node"))
        node_type = self._machine.nodes[node["class_type"]]
        given = self._given(node_type, node["inputs"])
        hidden = self._hidden(node_type)
        # A node of ComfyUI's third interface gets the hidden ones elsewhere (execution.py,
        # get_input_data): an error then does not list them, and so no API key.
        self._given_to_node = given if node_type.v3 else given | hidden
        self.work(0)
        self._device.check()
        self._suffer(node["class_type"])
        result = node_type.run(self, given | hidden)
        self.cache[self._signatures[node_id]] = result
        if result.ui is not None:
            self._list_output(result.ui)
        state = self._states[node_id]
        steps = state["max"] if state["value"] else 1.0
        self._set_state(steps, steps, "finished")
        self._executed.append(node_id)

    def _suffer(self, class_type: str) -> None:
        """Let the fault hit where a GPU suffers: in the sampler, without one in any node."""
        samples = any(one["class_type"] == "KSampler" for one in self.prompt.values())
        if self._fault is None or (samples and class_type != "KSampler"):
            return
        fault, self._fault = self._fault, None
        self._device.suffer(fault, self)

    def _repeat_cached(self) -> None:
        """List a cached result again, which ComfyUI does for a client with an id only."""
        ui = self.cache[self._signatures[self._node_id]].ui
        if ui is not None and self.job.client_id is not None:
            self._list_output(ui)
            self._set_state(1, 1, "finished")

    def _list_output(self, ui: Mapping[str, list[Any]]) -> None:
        self._outputs[self._node_id] = ui
        ids = self._ids("node", "display_node")
        prompt_id = ids.pop("prompt_id")
        self._tell("executed", {**ids, "output": dict(ui), "prompt_id": prompt_id})

    def _given(self, node_type: NodeType, inputs: Mapping[str, Any]) -> dict[str, Any]:
        names = {one.name for one in node_type.inputs}
        return {
            name: self._linked(value) if is_link(value) else value
            for name, value in inputs.items()
            if name in names
        }

    def _hidden(self, node_type: NodeType) -> dict[str, Any]:
        """What ComfyUI itself gives a node that declares it (execution.py, get_input_data)."""
        known: dict[str, Any] = {"PROMPT": self.prompt, "UNIQUE_ID": self._node_id}
        extra = self.job.all_extra_data()
        for kind in ("EXTRA_PNGINFO", "AUTH_TOKEN_COMFY_ORG", "API_KEY_COMFY_ORG"):
            known[kind] = extra.get(kind.lower())
        return {name: known[kind] for name, kind in node_type.hidden.items() if kind in known}

    def _linked(self, link: list[Any]) -> Any:
        return self.cache[self._signatures[link[0]]].outputs[link[1]]

    def _failure(self) -> dict[str, Any]:
        return {
            "prompt_id": self.job.prompt_id,
            "node_id": self._node_id,
            "node_type": self.prompt[self._node_id]["class_type"],
            "executed": list(self._executed),
        }

    def _described(self, error: Exception) -> dict[str, Any]:
        module, name = type(error).__module__, type(error).__name__
        return {
            "exception_message": f"{error}\n",
            "exception_type": name if module == "builtins" else f"{module}.{name}",
            "traceback": traceback.format_tb(error.__traceback__),
            "current_inputs": {
                name: [value if isinstance(value, _PRIMITIVES) else str(value)]
                for name, value in self._given_to_node.items()
            },
            "current_outputs": list(self.prompt),
        }

    def _note(self, kind: str, data: dict[str, Any]) -> None:
        stamped = {**data, "timestamp": now_milliseconds()}
        self._messages.append((kind, stamped))
        self._tell(kind, stamped)

    def _set_state(self, value: float, maximum: float, state: str) -> None:
        self._states[self._node_id] = {
            "value": value,
            "max": maximum,
            "state": state,
            **self._ids("node_id"),
            "display_node_id": self._node_id,
            "parent_node_id": None,
            "real_node_id": self._node_id,
        }
        nodes = {name: dict(one) for name, one in self._states.items()}
        self._tell("progress_state", {"prompt_id": self.job.prompt_id, "nodes": nodes})

    def _ids(self, *names: str) -> dict[str, Any]:
        return {**dict.fromkeys(names, self._node_id), "prompt_id": self.job.prompt_id}

    def _tell(self, kind: str, data: dict[str, Any]) -> None:
        self._machine.events.tell(self.job.client_id, kind, data)
