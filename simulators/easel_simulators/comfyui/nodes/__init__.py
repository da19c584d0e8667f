"""The node classes that the simulated ComfyUI has."""

from collections.abc import Sequence

from easel_simulators.comfyui.folders import Folders
from easel_simulators.comfyui.node_types import NodeType, NodeTypes
from easel_simulators.comfyui.nodes import (
    loading,
    media,
    meshes,
    partners,
    pictures,
    probes,
    sampling,
    saving,
    text,
    vectors,
    vhs_combining,
    vhs_loading,
)

__all__ = ["installed"]


def installed(models: Sequence[str], service_seconds: float, folders: Folders) -> NodeTypes:
    """Every node class by its name.

    Args:
        models: File names of the checkpoints.
        service_seconds: How long a KSampler takes.
        folders: Where uploaded files lie.
    """
    every: list[NodeType] = [
        *sampling.node_types(models, service_seconds),
        *pictures.node_types(),
        *loading.node_types(folders),
        *saving.node_types(),
        *media.node_types(folders),
        *meshes.node_types(folders),
        *partners.node_types(),
        *vectors.node_types(),
        *text.node_types(),
        *vhs_loading.node_types(folders),
        *vhs_combining.node_types(),
        *probes.node_types(folders),
    ]
    return {one.name: one for one in every}
