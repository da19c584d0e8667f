"""Nodes that make, save, load and show meshes.

Hunyuan3D's and SaveGLB: comfy_extras/nodes_hunyuan3d.py. Load3D (as recorded in
``comfy_0.8.0_jobs_uploads_prompts``) and Preview3D: comfy_extras/nodes_load_3d.py. Every mesh is a
cube.
"""

from collections.abc import Mapping
from typing import Any, Final

from PIL import ImageOps

from easel_simulators.comfyui.folders import Folders
from easel_simulators.comfyui.node_types import (
    SAVED_METADATA,
    Input,
    NodeResult,
    NodeType,
    RunContext,
    integer,
    number,
)
from easel_simulators.comfyui.nodes import containers
from easel_simulators.comfyui.nodes.loading import file_hash, read_picture
from easel_simulators.comfyui.nodes.saving import workflow_texts

_SUFFIXES: Final = frozenset(
    {".gltf", ".glb", ".obj", ".fbx", ".stl", ".spz", ".splat", ".ply", ".ksplat"}
)
_ALGORITHM: Final = Input("algorithm", lambda: ["surface net", "basic"], v3=True)
_THRESHOLD: Final = number("threshold", 0.6, -1.0, 1.0, step=0.01)
_DECODE: Final = (
    Input("samples", "LATENT"),
    Input("vae", "VAE"),
    integer("num_chunks", 8000, 1000, 500_000),
    integer("octree_resolution", 256, 16, 512),
)
_LATENT: Final = (integer("resolution", 3072, 1, 8192), integer("batch_size", 1, 1, 64))
"""A real one makes up to 4096 at once."""

_PREFIX: Final = Input("filename_prefix", "STRING", {"default": "mesh/ComfyUI"})
_PREVIEW: Final = (
    Input("model_file", "STRING", {"default": "", "multiline": False}),
    Input("camera_info", "LOAD3D_CAMERA", required=False),
    Input("bg_image", "IMAGE", required=False),
)
_LOADED: Final = ("IMAGE", "MASK", "STRING", "IMAGE", "LOAD3D_CAMERA", "VIDEO")


def node_types(folders: Folders) -> list[NodeType]:
    """The node classes of this file; uploaded files lie in ``folders``."""
    model = Input(
        "model_file", lambda: list(folders.input_models(_SUFFIXES)), {"file_upload": True}, v3=True
    )
    size = (integer("width", 1024, 1, 4096, step=1), integer("height", 1024, 1, 4096, step=1))
    return [
        _node("EmptyLatentHunyuan3Dv2", _empty_latent, _LATENT, ("LATENT",)),
        _node("VAEDecodeHunyuan3D", _count, _DECODE, ("VOXEL",)),
        _node("VoxelToMesh", _count, (Input("voxel", "VOXEL"), _ALGORITHM, _THRESHOLD), ("MESH",)),
        _node(
            "SaveGLB",
            _save_glb,
            (Input("mesh", "MESH"), _PREFIX),
            (),
            output_node=True,
            hidden=SAVED_METADATA,
        ),
        _node("Preview3D", _preview, _PREVIEW, (), output_node=True),
        _node(
            "Load3D",
            _load,
            (model, Input("image", "LOAD_3D"), *size),
            _LOADED,
            fingerprint=lambda given: file_hash(folders, given["model_file"]),
        ),
    ]


def _node(
    name: str, run: Any, inputs: tuple[Input, ...], outputs: tuple[str, ...], **more: Any
) -> NodeType:
    return NodeType(name, run, inputs, outputs, category="3d", v3=True, **more)


def _empty_latent(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    return NodeResult((given["batch_size"],))


def _count(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    """Hand on how many there are: that is all a mesh has here."""
    found = given.get("samples", given.get("voxel"))
    return NodeResult((found if isinstance(found, int) else 1,))


def _save_glb(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    texts = workflow_texts(given)
    place = context.folders.place("output", given["filename_prefix"])
    files = [
        place.save("glb", containers.glb(1.0 + index, texts)) for index in range(given["mesh"])
    ]
    return NodeResult(ui={"3d": files})


def _preview(_context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    # The background picture's path is the third; no recording has one.
    return NodeResult(ui={"result": [given["model_file"], given.get("camera_info"), None]})


def _load(context: RunContext, given: Mapping[str, Any]) -> NodeResult:
    # Pictures of the model, which the web page draws and uploads.
    drawn = given["image"]
    image, mask, normal = (
        read_picture(context.folders, drawn[name]) for name in ("image", "mask", "normal")
    )
    return NodeResult(
        (
            [image.convert("RGB")],
            ImageOps.invert(mask.getchannel("A")),
            given["model_file"],
            [normal.convert("RGB")],
            drawn["camera_info"],
            None,
        )
    )
