"""Nodes whose output is text."""

import json

from easel_simulators.comfyui.node_types import ANY, Input, NodeResult, NodeType


def node_types() -> list[NodeType]:
    """The node classes of this file."""
    return [
        NodeType(
            "PrimitiveString",
            lambda _, given: NodeResult((given["value"],)),
            (Input("value", "STRING"),),
            ("STRING",),
            category="utils/primitive",
        ),
        NodeType(
            "PreviewAny",
            lambda _, given: NodeResult(ui={"text": [_as_text(given["source"])]}),
            (Input("source", ANY),),
            category="utils",
            output_node=True,
        ),
    ]


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float | dict | list):
        return json.dumps(value, default=str)
    return str(value)
