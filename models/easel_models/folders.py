"""The folders of a model bucket, and what each runtime takes from them.

The names are those of SD WebUI's `models` folder, as sd-on-eks had them. What SD WebUI lists is
from its sources (1.x: `modules/sd_models.py`, `sd_vae.py`, `textual_inversion/`, `hypernetworks/`,
`esrgan_model.py`, `realesrgan_model.py`, `extensions-builtin/`), what ComfyUI lists from its
`folder_paths.py`; which of the folders ComfyUI looks into is the chart's `extra_model_paths.yaml`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

CHECKPOINTS = "Stable-diffusion"
"""The only folder that must be there."""

SAFETENSORS = ".safetensors"
CKPT = ".ckpt"

COMFYUI_EXTENSIONS = frozenset({CKPT, ".pt", ".pt2", ".bin", ".pth", SAFETENSORS, ".pkl", ".sft"})
"""ComfyUI's `supported_pt_extensions`."""

PICKLED_EXTENSIONS = frozenset({CKPT, ".pt", ".pt2", ".bin", ".pth", ".pkl"})
"""Loading one may run code that its author has put into it: they hold Python pickles."""

BESIDE_MODELS = frozenset(
    {".txt", ".md", ".json", ".yaml", ".yml", ".info", ".png", ".jpg", ".jpeg", ".webp", ".gif"}
)
"""Of previews, descriptions and settings, which stand beside a model by its name."""

_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,11}$")


class Runtime(StrEnum):
    """A server that draws, as `type` in `terraform.tfvars` names it."""

    SDWEBUI = "sdwebui"
    COMFYUI = "comfyui"


@dataclass(frozen=True)
class Folder:
    """A folder of the bucket.

    Attributes:
        name: exactly as runtimes look for it.
        holds: in words.
        sdwebui: extensions of the files that SD WebUI takes from it.
        comfyui: kind in ComfyUI's `extra_model_paths.yaml`; None where the chart names none.
    """

    name: str
    holds: str
    sdwebui: frozenset[str]
    comfyui: str | None = None

    def runtimes(self, extension: str) -> tuple[Runtime, ...]:
        """Returns the runtimes that list a file of such an extension (`.pth`) in this folder."""
        extension = extension.lower()
        found = []
        if extension in self.sdwebui:
            found.append(Runtime.SDWEBUI)
        if self.comfyui and extension in COMFYUI_EXTENSIONS:
            found.append(Runtime.COMFYUI)
        return tuple(found)

    @property
    def extensions(self) -> frozenset[str]:
        """Extensions of models that at least one runtime takes from it."""
        return self.sdwebui | (COMFYUI_EXTENSIONS if self.comfyui else frozenset())


def _folder(name: str, holds: str, sdwebui: str, comfyui: str | None = None) -> Folder:
    return Folder(name, holds, frozenset(sdwebui.split()), comfyui)


FOLDERS = {
    folder.name: folder
    for folder in (
        _folder(CHECKPOINTS, "checkpoints", ".safetensors .ckpt", "checkpoints"),
        _folder("Lora", "LoRAs", ".safetensors .ckpt .pt", "loras"),
        _folder("VAE", "VAEs", ".safetensors .ckpt .pt", "vae"),
        _folder("VAE-approx", "small VAEs for previews", ".pt .pth", "vae_approx"),
        # Of its extension sd-webui-controlnet, which an image has or has not.
        _folder("ControlNet", "ControlNets", ".safetensors .ckpt .pt .pth .bin", "controlnet"),
        _folder("CLIP", "text encoders", ".pt", "clip"),
        _folder(
            "embeddings",
            "textual inversions",
            ".safetensors .pt .bin .png .webp .jxl .avif",
            "embeddings",
        ),
        _folder("hypernetworks", "hypernetworks", ".pt", "hypernetworks"),
        _folder("ESRGAN", "upscalers", ".pth .pt", "upscale_models"),
        _folder("RealESRGAN", "upscalers", ".pth", "upscale_models"),
        _folder("SwinIR", "upscalers", ".pth .pt", "upscale_models"),
        _folder("ScuNET", "upscalers", ".pth", "upscale_models"),
        _folder("LDSR", "the upscaler LDSR", ".ckpt .safetensors .yaml"),
        _folder("Codeformer", "restorers of faces", ".pth"),
        _folder("GFPGAN", "restorers of faces", ".pth"),
    )
}
"""The 15 folders, by name."""

_BY_LOWER_CASE = {name.lower(): name for name in FOLDERS}


def meant_folder(name: str) -> str | None:
    """Returns the folder that differs from a name in its capitals only; None where none does."""
    return _BY_LOWER_CASE.get(name.lower())


def extension_of(name: str) -> str:
    """Returns a file name's extension with its dot, as it is written; empty where there is none.

    A version is none: `anything-v4.5` has no extension.
    """
    found = _EXTENSION.search(PurePosixPath(name).name)
    # A name that begins with a dot is hidden, and has no stem.
    return found[0] if found and found.start() > 0 else ""


def with_extension(name: str, *, is_safetensors: bool) -> str:
    """Returns the name under which runtimes find a model.

    A file from Civitai may come without an extension. SD WebUI lists none without one; it reads
    `.ckpt` as a pickle and nothing else, so what is safetensors inside is named so.

    Args:
        name: of the file.
        is_safetensors: whether its content has the header of a safetensors file.
    """
    if extension_of(name):
        return name
    return name + (SAFETENSORS if is_safetensors else CKPT)
