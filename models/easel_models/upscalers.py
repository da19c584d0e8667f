"""The upscalers that requests name, and the files that SD WebUI needs for each.

The names are those of the API's `upscaler_1` and `upscaler_2`. SD WebUI calls an upscaler by the
stem of its file, so a file under another name is another upscaler to it; Real-ESRGAN's it looks for
by the names of their releases. From its `esrgan_model.py`, `realesrgan_model.py`,
`scunet_model.py`, `swinir_model.py` and `ldsr_model.py`.
"""

from collections.abc import Collection
from dataclasses import dataclass

_RELEASES = "https://github.com/cszn/KAIR/releases/download/v1.0/"
_REAL_ESRGAN = "https://github.com/xinntao/Real-ESRGAN/releases/download/"
_SWINIR = "https://github.com/JingyunLiang/SwinIR/releases/download/v0.0/"


@dataclass(frozen=True)
class UpscalerFile:
    """A file that an upscaler needs.

    Attributes:
        keys: where it may lie in the bucket; one is enough, the first is what we advise.
        url: where its authors publish it; empty where none is known to us.
    """

    keys: tuple[str, ...]
    url: str = ""


@dataclass(frozen=True)
class Upscaler:
    """An upscaler.

    Attributes:
        name: in a request.
        files: all of them are needed; none where it is built in.
        is_fetched: whether SD WebUI fetches missing files itself, at the first use in each pod. It
            cannot where the bucket has the folder, which is read-only in a pod.
    """

    name: str
    files: tuple[UpscalerFile, ...] = ()
    is_fetched: bool = True

    @property
    def folder(self) -> str:
        """The folder of its files; empty where it is built in."""
        return self.files[0].keys[0].partition("/")[0] if self.files else ""

    def missing(self, keys: Collection[str]) -> list[UpscalerFile]:
        """Returns the files that are not among a bucket's keys."""
        return [file for file in self.files if not any(key in keys for key in file.keys)]


UPSCALERS = (
    Upscaler("Lanczos"),
    Upscaler("Nearest"),
    Upscaler(
        "4x-UltraSharp",
        (UpscalerFile(("ESRGAN/4x-UltraSharp.pth", "ESRGAN/4x-UltraSharp.pt")),),
        is_fetched=False,
    ),
    # What SD WebUI fetches itself is named ESRGAN_4x, which a request for ESRGAN_4X does not find.
    Upscaler(
        "ESRGAN_4X",
        (UpscalerFile(("ESRGAN/ESRGAN_4X.pth", "ESRGAN/ESRGAN_4X.pt"), f"{_RELEASES}ESRGAN.pth"),),
        is_fetched=False,
    ),
    Upscaler(
        "LDSR",
        (
            UpscalerFile(
                ("LDSR/model.ckpt", "LDSR/model.safetensors"),
                "https://heibox.uni-heidelberg.de/f/578df07c8fc04ffbadf3/?dl=1",
            ),
            UpscalerFile(
                ("LDSR/project.yaml",),
                "https://heibox.uni-heidelberg.de/f/31a76b13ea27482981b4/?dl=1",
            ),
        ),
    ),
    Upscaler(
        "R-ESRGAN 4x+",
        (
            UpscalerFile(
                ("RealESRGAN/RealESRGAN_x4plus.pth",),
                f"{_REAL_ESRGAN}v0.1.0/RealESRGAN_x4plus.pth",
            ),
        ),
    ),
    Upscaler(
        "R-ESRGAN 4x+ Anime6B",
        (
            UpscalerFile(
                ("RealESRGAN/RealESRGAN_x4plus_anime_6B.pth",),
                f"{_REAL_ESRGAN}v0.2.2.4/RealESRGAN_x4plus_anime_6B.pth",
            ),
        ),
    ),
    Upscaler(
        "ScuNET GAN",
        (UpscalerFile(("ScuNET/ScuNET GAN.pth",), f"{_RELEASES}scunet_color_real_gan.pth"),),
    ),
    Upscaler(
        "ScuNET PSNR",
        (UpscalerFile(("ScuNET/ScuNET PSNR.pth",), f"{_RELEASES}scunet_color_real_psnr.pth"),),
    ),
    Upscaler(
        "SwinIR 4x",
        (
            UpscalerFile(
                ("SwinIR/SwinIR 4x.pth", "SwinIR/SwinIR 4x.pt"),
                f"{_SWINIR}003_realSR_BSRGAN_DFOWMFC_s64w8_SwinIR-L_x4_GAN.pth",
            ),
        ),
    ),
)
"""The ten that the API's documentation names."""


def _published_name(file: UpscalerFile) -> str:
    return file.url.rpartition("/")[2]


_BY_FILE_NAME = {
    name: file.keys[0]
    for upscaler in UPSCALERS
    for file in upscaler.files
    for name in (
        *(key.rpartition("/")[2] for key in file.keys),
        # Their authors' names; those of LDSR's download say nothing.
        *([_published_name(file)] if _published_name(file).endswith(".pth") else []),
    )
    # As general as these are, they are no proof of LDSR.
    if name not in ("model.ckpt", "model.safetensors", "project.yaml")
}


def key_of_upscaler(file_name: str) -> str | None:
    """Returns the key that a known upscaler's file belongs under; None where it is none.

    Args:
        file_name: as its authors publish it, or as SD WebUI wants it.
    """
    return _BY_FILE_NAME.get(file_name)
