"""The nodes that were put into the recorded server to see how it answers (``Probe...``)."""

import builtins
from collections.abc import Mapping
from typing import Any

from easel_simulators.comfyui.folders import Folders
from easel_simulators.comfyui.node_types import Input, NodeResult, NodeType, RunContext
from easel_simulators.comfyui.nodes.loading import uploaded

_MODULE = "custom_nodes.probes"


def node_types(folders: Folders) -> list[NodeType]:
    """The node classes of this file; uploaded files lie in ``folders``."""
    # Not what its loader offers: every name at the top of the folder.
    offered = uploaded(folders, "a", (), "image")
    names = Input(
        "a",
        lambda: sorted([*folders.input_names(), *folders.input_directories()]),
        offered.options,
        check=offered.check,
    )
    text = Input("b", "STRING", {"default": ""}, required=False)
    return [
        # What type its input has was not recorded.
        NodeType(
            "ProbeFail",
            _fail,
            (Input("image", "IMAGE"), Input("kind", "STRING", {"default": "ValueError"})),
            ("IMAGE",),
            module=_MODULE,
        ),
        NodeType("ProbeUpload", _name, (names, text), ("STRING",), module=_MODULE),
    ]


def _fail(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    kind = getattr(builtins, given["kind"], RuntimeError)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        kind = RuntimeError
    raise kind("the probe fails")


def _name(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    return NodeResult((given["a"],))
