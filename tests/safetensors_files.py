"""Safetensors files with the tensors of real models' names, and no weights worth the name."""

import json
from collections.abc import Mapping

Shapes = Mapping[str, tuple[int, ...]]

UNET = "model.diffusion_model.input_blocks.{}.1.transformer_blocks.0.attn2.to_k.weight"
VAE = "first_stage_model.decoder.conv_in.weight"

SD1: Shapes = {
    UNET.format(1): (1, 768),
    VAE: (1,),
    "cond_stage_model.transformer.text_model.embeddings.position_ids": (1, 77),
}
SD2: Shapes = {
    UNET.format(2): (1, 1024),
    VAE: (1,),
    "cond_stage_model.model.ln_final.weight": (1,),
}
SDXL: Shapes = {
    UNET.format(4): (1, 2048),
    VAE: (1,),
    "conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias": (1,),
}
FLUX: Shapes = {
    "model.diffusion_model.double_blocks.0.img_attn.qkv.weight": (3, 1),
    "vae.decoder.conv_in.weight": (1,),
    "text_encoders.clip_l.transformer.text_model.final_layer_norm.bias": (1,),
}
FLUX_ALONE: Shapes = {"double_blocks.0.img_attn.qkv.weight": (3, 1), "img_in.weight": (1,)}
LORA_SD1: Shapes = {
    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": (
        1,
        768,
    ),
    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_up.weight": (2, 1),
}
LORA_SDXL: Shapes = {
    "lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": (1, 1280),
    "lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_up.weight": (2, 1),
}
LORA_FLUX: Shapes = {
    "transformer.single_transformer_blocks.0.attn.to_k.lora_A.weight": (1, 2),
    "transformer.single_transformer_blocks.0.attn.to_k.lora_B.weight": (2, 1),
}
CONTROLNET_SD1: Shapes = {
    "control_model.input_hint_block.0.weight": (1,),
    "control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (1, 768),
}
CONTROL_LORA: Shapes = {"lora_controlnet": (1,), "input_blocks.0.0.down": (1, 1)}
VAE_ALONE: Shapes = {"encoder.conv_in.weight": (1,), "decoder.conv_in.weight": (1,)}
TEXT_ENCODER: Shapes = {"text_model.encoder.layers.0.mlp.fc1.weight": (2, 2)}
EMBEDDING: Shapes = {"emb_params": (1, 768)}
ESRGAN: Shapes = {"model.0.weight": (1,), "model.1.sub.0.RDB1.conv1.0.weight": (1,)}


def header(shapes: Shapes, metadata: Mapping[str, str] | None = None) -> tuple[bytes, int]:
    """A header with its length before it, and how many bytes of tensors belong behind it."""
    value: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name, shape in shapes.items():
        begin, count = end, 4
        for length in shape:
            count *= length
        end = begin + count
        value[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(value).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, end


def safetensors(shapes: Shapes, metadata: Mapping[str, str] | None = None) -> bytes:
    """A whole file."""
    head, count = header(shapes, metadata)
    return head + bytes(count)
