"""What a safetensors file is, told by the names and shapes of its tensors.

The names are those of the programs that the files were made with: CompVis's and Stability's for
checkpoints, kohya's and PEFT's for LoRAs, those of diffusers and of the original repositories for
the rest. Which name tells which family is taken from diffusers
(`src/diffusers/loaders/single_file_utils.py`, `CHECKPOINT_KEY_NAMES`) and ComfyUI
(`comfy/model_detection.py`). A guess, not a proof: what is not recognised is called unknown, and
only what is recognised is called wrong.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from easel_models.folders import CHECKPOINTS, Runtime

Shapes = Mapping[str, tuple[int, ...]]


class Kind(StrEnum):
    """What a file is for."""

    CHECKPOINT = "checkpoint"
    DIFFUSION_MODEL = "diffusion model"
    """A checkpoint without text encoder and VAE."""
    LORA = "LoRA"
    CONTROLNET = "ControlNet"
    VAE = "VAE"
    TEXT_ENCODER = "text encoder"
    EMBEDDING = "textual inversion"
    UPSCALER = "upscaler"
    UNKNOWN = "unknown"


class Family(StrEnum):
    """Which models it is, or works with."""

    SD1 = "SD 1.x"
    SD2 = "SD 2.x"
    SDXL = "SDXL"
    SDXL_REFINER = "SDXL refiner"
    SD3 = "SD 3"
    FLUX = "FLUX"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Model:
    """A file's kind and family."""

    kind: Kind
    family: Family = Family.UNKNOWN

    @property
    def folders(self) -> tuple[str, ...]:
        """Folders that it belongs into, the best first; none where any may be right."""
        return _FOLDERS.get(self.kind, ())

    def runs_on(self, runtime: Runtime) -> bool:
        """Whether a runtime can do something with it, as far as is known.

        SD WebUI 1.10 knows SD 1, 2, XL and 3; its forks know more.
        """
        if runtime is Runtime.COMFYUI:
            # A bare diffusion model is loaded from a folder that buckets do not have.
            return self.kind is not Kind.DIFFUSION_MODEL
        if self.kind in (Kind.DIFFUSION_MODEL, Kind.UPSCALER, Kind.TEXT_ENCODER):
            return False
        return self.family is not Family.FLUX

    def __str__(self) -> str:
        if self.family is Family.UNKNOWN:
            return self.kind.value
        return f"{self.kind.value}, {self.family.value}"


_FOLDERS = {
    Kind.CHECKPOINT: (CHECKPOINTS,),
    Kind.DIFFUSION_MODEL: (CHECKPOINTS,),
    Kind.LORA: ("Lora",),
    Kind.CONTROLNET: ("ControlNet",),
    # SD WebUI also takes a checkpoint's own VAE, name.vae.safetensors, from beside it.
    Kind.VAE: ("VAE", CHECKPOINTS),
    Kind.TEXT_ENCODER: ("CLIP",),
    Kind.EMBEDDING: ("embeddings",),
    # As safetensors only ComfyUI lists them, in any of the four.
    Kind.UPSCALER: ("ESRGAN", "RealESRGAN", "SwinIR", "ScuNET"),
}

_UNET = "model.diffusion_model."
_XL_ENCODER = "conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias"
_REFINER_ENCODER = "conditioner.embedders.0.model.transformer.resblocks.9.mlp.c_proj.bias"

_LORA = re.compile(
    r"lora_(down|up)\.weight$|lora_[AB](\.default)?\.weight$|\.hada_w1_a$|\.lokr_w[12](_a)?$"
    r"|\.oft_(blocks|diag)$|\.dora_scale$|lora\.(down|up)\.weight$"
)
_CROSS_ATTENTION = re.compile(r"attn2[._]to_k\.(weight|lora_down\.weight|lora_A\.weight)$")
_CONTEXT_FAMILIES = {
    768: Family.SD1,
    1024: Family.SD2,
    1280: Family.SDXL_REFINER,
    2048: Family.SDXL,
}
"""Widths of what text encoders say to cross attention."""


def recognise(shapes: Shapes) -> Model:
    """Says what a file with such tensors is.

    Args:
        shapes: of its tensors, by their names.
    """
    for kind, is_it in _KINDS:
        if is_it(shapes):
            return Model(kind, _family(shapes))
    return Model(Kind.UNKNOWN)


def _is_controlnet(shapes: Shapes) -> bool:
    beginnings = ("control_model.", "controlnet_cond_embedding.", "input_hint_block.")
    return _begins(shapes, *beginnings, "controlnet_") or "lora_controlnet" in shapes


def _is_lora(shapes: Shapes) -> bool:
    return any(_LORA.search(name) for name in shapes)


def _is_checkpoint(shapes: Shapes) -> bool:
    return _begins(shapes, _UNET) and _begins(
        shapes, "first_stage_model.", "vae.", "cond_stage_model.", "conditioner.", "text_encoders."
    )


def _is_diffusion_model(shapes: Shapes) -> bool:
    return _begins(
        shapes, _UNET, "double_blocks.", "joint_blocks.", "input_blocks.", "down_blocks."
    )


def _is_vae(shapes: Shapes) -> bool:
    for prefix in ("", "first_stage_model.", "vae."):
        if _begins(shapes, f"{prefix}decoder.conv_in.", f"{prefix}decoder.mid"):
            return True
    return False


def _is_text_encoder(shapes: Shapes) -> bool:
    return _begins(
        shapes,
        "text_model.encoder.layers.",
        "encoder.block.0.layer.0.SelfAttention.",
        "transformer.resblocks.",
    )


def _is_embedding(shapes: Shapes) -> bool:
    return "emb_params" in shapes or {"clip_l", "clip_g"} <= shapes.keys()


def _is_upscaler(shapes: Shapes) -> bool:
    return _begins(
        shapes,
        "model.1.sub.",  # ESRGAN
        "body.0.rdb1.",  # Real-ESRGAN
        "layers.0.residual_group.",  # SwinIR
        "m_body.",  # ScuNET
    )


# The first that fits: a LoRA for a ControlNet is a ControlNet, a LoRA names parts of a checkpoint.
_KINDS: tuple[tuple[Kind, Callable[[Shapes], bool]], ...] = (
    (Kind.CONTROLNET, _is_controlnet),
    (Kind.LORA, _is_lora),
    (Kind.CHECKPOINT, _is_checkpoint),
    (Kind.DIFFUSION_MODEL, _is_diffusion_model),
    (Kind.VAE, _is_vae),
    (Kind.TEXT_ENCODER, _is_text_encoder),
    (Kind.EMBEDDING, _is_embedding),
    (Kind.UPSCALER, _is_upscaler),
)


def _family(shapes: Shapes) -> Family:
    if any("double_blocks" in name or "single_transformer_blocks" in name for name in shapes):
        return Family.FLUX
    if any("joint_blocks" in name for name in shapes):
        return Family.SD3
    if _XL_ENCODER in shapes or _begins(shapes, "lora_te2_") or "clip_g" in shapes:
        return Family.SDXL
    if _REFINER_ENCODER in shapes:
        return Family.SDXL_REFINER
    for name, shape in shapes.items():
        if _CROSS_ATTENTION.search(name) and shape:
            return _CONTEXT_FAMILIES.get(shape[-1], Family.UNKNOWN)
    return Family.UNKNOWN


def _begins(shapes: Shapes, *beginnings: str) -> bool:
    return any(name.startswith(beginnings) for name in shapes)
