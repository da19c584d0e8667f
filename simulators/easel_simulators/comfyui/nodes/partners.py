"""Nodes that ask comfy.org, as everybody's do that need an account there.

RecraftVectorizeImageNode (comfy_api_nodes/nodes_recraft.py) gives vector graphics, and
TripoTextToModelNode (comfy_api_nodes/nodes_tripo.py, while it saved the model itself) names a file
that it put among the outputs. Without a key comfy.org answers 401, which
comfy_api_nodes/util/client.py tells in these words. Nothing is asked here: any key is good.
"""

import uuid
from collections.abc import Mapping
from typing import Any, Final

from PIL import Image

from easel_simulators.comfyui.node_types import Input, NodeResult, NodeType, RunContext
from easel_simulators.comfyui.nodes import containers

_UNAUTHORIZED: Final = "Unauthorized: Please login first to use this node."
_ACCOUNT: Final = {
    "auth_token_comfy_org": "AUTH_TOKEN_COMFY_ORG",
    "api_key_comfy_org": "API_KEY_COMFY_ORG",
    "unique_id": "UNIQUE_ID",
}
# Of its inputs the one that a workflow must give.
_PROMPT: Final = Input("prompt", "STRING", {"multiline": True})


def node_types() -> list[NodeType]:
    """The node classes of this file."""
    return [
        NodeType(
            "RecraftVectorizeImageNode",
            _vectorize,
            (Input("image", "IMAGE"),),
            ("SVG",),
            display_name="Recraft Vectorize Image",
            category="api node/image/Recraft",
            module="comfy_api_nodes.nodes_recraft",
            hidden=_ACCOUNT,
            v3=True,
            api_node=True,
        ),
        NodeType(
            "TripoTextToModelNode",
            _model,
            (_PROMPT,),
            ("STRING", "MODEL_TASK_ID"),
            display_name="Tripo: Text to Model",
            category="api node/3d/Tripo",
            module="comfy_api_nodes.nodes_tripo",
            hidden=_ACCOUNT,
            v3=True,
            api_node=True,
        ),
    ]


def _log_in(given: Mapping[str, Any]) -> None:
    if not (given["auth_token_comfy_org"] or given["api_key_comfy_org"]):
        raise Exception(_UNAUTHORIZED)  # noqa: TRY002 - what client.py raises


def _vectorize(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    _log_in(given)
    pictures: list[Image.Image] = given["image"]
    return NodeResult(([_drawn(picture) for picture in pictures],))


def _drawn(picture: Image.Image) -> str:
    """A rectangle of the picture's size and mean colour."""
    colour = "#{:02x}{:02x}{:02x}".format(*picture.resize((1, 1)).tobytes())
    size = f'width="{picture.width}" height="{picture.height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n'
        f'  <rect {size} fill="{colour}"/>\n</svg>\n'
    )


def _model(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    _log_in(given)
    task_id = str(uuid.uuid4())
    name = f"tripo_model_{task_id}.glb"
    context.folders.path("output", "", name).write_bytes(containers.glb(1.0, {}))
    return NodeResult((name, task_id))
