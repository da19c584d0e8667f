"""What a node class is: typed inputs, typed outputs, and the function that runs it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from PIL import Image

from easel_simulators.comfyui.folders import Folders

ANY: Final = "*"
"""The type that every other fits."""

Choices = Callable[[], Sequence[str]]
"""What a combo box offers now."""

Prompt = dict[str, dict[str, Any]]
"""A workflow in API format: ``{node_id: {"class_type", "inputs"}}``."""


class RunContext(Protocol):
    """What a node may use while it runs."""

    folders: Folders

    def work(self, seconds: float) -> None:
        """Keep the GPU busy; raises ``Interrupted`` when the job is interrupted."""

    def progress(self, value: int, maximum: int) -> None:
        """Tell how many steps are done."""

    def load_checkpoint(self, name: str) -> None:
        """Load a checkpoint unless it is loaded."""

    def encode_png(self, picture: Image.Image, texts: dict[str, str]) -> bytes:
        """Encode a picture as a PNG with its texts."""


@dataclass(frozen=True)
class NodeResult:
    """What a node made: a value for each output, and for output nodes what the answer lists."""

    outputs: tuple[Any, ...] = ()
    ui: Mapping[str, list[Any]] | None = None


@dataclass(frozen=True)
class Input:
    """One input of a node class.

    Attributes:
        name: As in the workflow.
        type: A type's name, or what a combo box offers.
        options: As ``/object_info`` shows them: default, min, max, step and flags; None where the
            class declares none.
        required: Whether a workflow must give it.
        check: Judges a value in place of the built-in checks; the reason when it is wrong.
        v3: Whether a combo box is told in the words of ComfyUI's third interface for nodes.
    """

    name: str
    type: str | Choices
    options: Mapping[str, Any] | None = field(default_factory=dict)
    required: bool = True
    check: Callable[[object], str | None] | None = None
    v3: bool = False

    def config(self) -> list[Any]:
        """``[type, options]``, as ``/object_info`` and validation errors show it."""
        options = dict(self.options or {})
        if self.v3 and not isinstance(self.type, str):
            return ["COMBO", {"multiselect": False, "options": list(self.type()), **options}]
        kind = self.type if isinstance(self.type, str) else list(self.type())
        return [kind] if self.options is None else [kind, options]


@dataclass(frozen=True)
class NodeType:
    """A node class.

    Attributes:
        hidden: What it is given besides its inputs, as name and kind (``PROMPT``, ...).
        fingerprint: Changes when a file behind its inputs does.
        v3: Whether it is written for ComfyUI's third interface for nodes.
        api_node: Whether it calls comfy.org.
    """

    name: str
    run: Callable[[RunContext, Mapping[str, Any]], NodeResult]
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...] = ()
    display_name: str = ""
    category: str = "image"
    module: str = "nodes"
    output_node: bool = False
    hidden: Mapping[str, str] = field(default_factory=dict)
    fingerprint: Callable[[Mapping[str, Any]], str] | None = None
    v3: bool = False
    api_node: bool = False

    def info(self) -> dict[str, Any]:
        """Its entry in ``/object_info``."""
        groups: dict[str, dict[str, Any]] = {
            "required": {one.name: one.config() for one in self.inputs if one.required},
            "optional": {one.name: one.config() for one in self.inputs if not one.required},
            "hidden": dict(self.hidden),
        }
        shown = {name: group for name, group in groups.items() if group or name == "required"}
        return {
            "input": shown,
            "input_order": {name: list(group) for name, group in shown.items()},
            "output": list(self.outputs),
            "output_is_list": [False] * len(self.outputs),
            "output_name": list(self.outputs),
            "name": self.name,
            "display_name": self.display_name or self.name,
            "description": "",
            "python_module": self.module,
            "category": self.category,
            "output_node": self.output_node,
            **({"api_node": True} if self.api_node else {}),
        }


NodeTypes = Mapping[str, NodeType]


def is_link(value: object) -> bool:
    """Whether an input's value is ``[node_id, slot]``, another node's output.

    As ComfyUI's comfy_execution/graph_utils.py; its validation takes every list for one.
    """
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 - node and slot
        return False
    return isinstance(value[0], str) and isinstance(value[1], int | float)


def integer(name: str, default: int, minimum: int, maximum: int, **options: object) -> Input:
    """A whole number within bounds."""
    return Input(name, "INT", {"default": default, "min": minimum, "max": maximum, **options})


def number(name: str, default: float, minimum: float, maximum: float, **options: object) -> Input:
    """A number within bounds."""
    return Input(name, "FLOAT", {"default": default, "min": minimum, "max": maximum, **options})


def choice(name: str, *values: str) -> Input:
    """One of a fixed list of words."""
    return Input(name, lambda: values)


FILENAME_PREFIX: Final = Input("filename_prefix", "STRING", {"default": "ComfyUI"})
SAVED_METADATA: Final = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}
