"""The node that saves vector graphics (comfy_extras/nodes_images.py)."""

import json
from collections.abc import Mapping
from typing import Any

from easel_simulators.comfyui.node_types import (
    SAVED_METADATA,
    Input,
    NodeResult,
    NodeType,
    RunContext,
)


def node_types() -> list[NodeType]:
    """The node class of this file."""
    return [
        NodeType(
            "SaveSVGNode",
            _save,
            (
                Input("svg", "SVG"),
                Input("filename_prefix", "STRING", {"default": "svg/ComfyUI"}),
            ),
            category="image/save",
            module="comfy_extras.nodes_images",
            output_node=True,
            hidden=SAVED_METADATA,
            v3=True,
        ),
    ]


def _save(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    # The key is that of pictures; what it knows of the workflow goes into a metadata element.
    texts = {"prompt": given["prompt"], **(given["extra_pnginfo"] or {})}
    told = json.dumps(texts, indent=2).replace("]]>", "]]]]><![CDATA[>")
    metadata = f"  <metadata><![CDATA[\n{told}\n]]></metadata>\n"
    place = context.folders.place("output", given["filename_prefix"])
    files = []
    for number, drawn in enumerate(given["svg"]):
        head, line_end, rest = drawn.partition("\n")
        data = (head + line_end + metadata + rest).encode("utf-8", "replace")
        files.append(place.save("svg", data, number))
    return NodeResult(ui={"images": files})
