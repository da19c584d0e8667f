"""Models that a person may choose from, each under its maker's licence: easel brings none."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CatalogueModel:
    """A checkpoint of Hugging Face's hub.

    Attributes:
        name: that a person types.
        title: for people.
        hub_file: OWNER/REPO/FILE.
        sha256: of the file, in hex.
        gigabytes: of the file, 10**9 bytes.
        licence: its name.
        licence_url: its text.
    """

    name: str
    title: str
    hub_file: str
    sha256: str
    gigabytes: float
    licence: str
    licence_url: str

    @property
    def file_name(self) -> str:
        """Name of the file, in the bucket too."""
        return self.hub_file.rpartition("/")[2]


_SD15 = CatalogueModel(
    "sd15",
    "Stable Diffusion 1.5",
    "stable-diffusion-v1-5/stable-diffusion-v1-5/v1-5-pruned-emaonly.safetensors",
    "6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa",
    4.3,
    "CreativeML Open RAIL-M",
    "https://huggingface.co/spaces/CompVis/stable-diffusion-license",
)
_SDXL = CatalogueModel(
    "sdxl",
    "Stable Diffusion XL base 1.0",
    "stabilityai/stable-diffusion-xl-base-1.0/sd_xl_base_1.0.safetensors",
    "31e35c80fc4829d14f90153f4c74cd59c90b779f6afe05a74cd6120b893f7e5b",
    6.9,
    "CreativeML Open RAIL++-M",
    "https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0/blob/main/LICENSE.md",
)
CATALOGUE = {one.name: one for one in (_SD15, _SDXL)}
"""Digests and licences as several public lists of models name them (SwarmUI's CommonModels.cs among
them), not read from the hub, which was out of reach: a file with another digest is refused."""


def choice() -> str:
    """Returns the list that a person chooses from."""
    lines = [
        f"  {one.name}  {one.title}, {one.gigabytes} GB, licence {one.licence}: {one.licence_url}"
        for one in CATALOGUE.values()
    ]
    return "\n".join(lines)
