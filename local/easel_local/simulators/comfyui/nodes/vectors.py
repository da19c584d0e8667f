"""Vector graphics: a node that asks comfy.org for one, and the node that saves them.

RecraftVectorizeImageNode (comfy_api_nodes/nodes_recraft.py) stands for every node that needs an
account at comfy.org. Without a key the answer is a 401, which comfy_api_nodes/util/client.py tells
in these words. Nothing is asked here: whatever key there is, is good.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from PIL import Image

from easel_local.simulators.comfyui.node_types import (
    SAVED_METADATA,
    Input,
    NodeResult,
    NodeType,
    RunContext,
)

_UNAUTHORIZED: Final = "Unauthorized: Please login first to use this node."
_ACCOUNT: Final = {
    "auth_token_comfy_org": "AUTH_TOKEN_COMFY_ORG",
    "api_key_comfy_org": "API_KEY_COMFY_ORG",
    "unique_id": "UNIQUE_ID",
}


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


def _vectorize(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    if not (given["auth_token_comfy_org"] or given["api_key_comfy_org"]):
        raise Exception(_UNAUTHORIZED)  # noqa: TRY002 - what client.py raises
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


def _save(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    # comfy_extras/nodes_images.py: the key is that of pictures; what it knows of the workflow goes
    # into a metadata element.
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
