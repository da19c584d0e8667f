"""What an environment's own settings name: Terraform itself reads them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from easel_deploy.environments.root_module import TerraformError
from easel_deploy.environments.variables import evaluate_variables
from easel_mirror.errors import MirrorError, RefusedError

_EXPRESSION = """{
  region = var.region, name = var.name, tags = var.tags, prefix = var.mirror_prefix,
  karpenter = var.karpenter_version, keda = var.keda_version,
  architecture = var.system_nodes.architecture, agent = var.agent_image,
  runtimes = { for name, one in var.runtimes :
    name => { image = one.image, chart = one.chart, values_file = one.values_file } }
}"""
_MAX_VALUES_BYTES = 1024 * 1024
DEFAULT_PREFIX = "easel"


@dataclass(frozen=True)
class ImageSetting:
    """An image as settings name it.

    Attributes:
        owner: whose it is, for people.
        repository: with or without a registry's name.
        tag: null: by its digest.
        digest: null: by its tag.
        values_file: that names it; None: Terraform's variables do.
    """

    owner: str
    repository: str
    tag: str | None = None
    digest: str | None = None
    values_file: Path | None = None

    @property
    def key(self) -> str:
        """As envs/*/tasks.tf looks the image up in `mirrored`."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"


@dataclass(frozen=True)
class ChartSetting:
    """A runtime's chart that is not this checkout's.

    Attributes:
        owner: the runtime, for people.
        repository: oci://... with the chart's name, or an HTTP repository.
        version: of the chart.
    """

    owner: str
    repository: str
    version: str

    @property
    def key(self) -> str:
        """As envs/*/tasks.tf looks the chart up in `mirrored`."""
        return f"{self.repository}:{self.version}"


@dataclass(frozen=True)
class EnvironmentSettings:
    """What of an environment decides on what is pulled."""

    folder: Path
    region: str
    name: str
    tags: dict[str, str]
    prefix: str
    karpenter_version: str | None = None
    keda_version: str | None = None
    architecture: str | None = None
    images: tuple[ImageSetting, ...] = field(default=())
    charts: tuple[ChartSetting, ...] = field(default=())


def read_settings(folder: Path) -> EnvironmentSettings:
    """Reads the settings of a folder under envs/, as `make plan` would.

    Args:
        folder: the root module; where Terraform was not initialized in it, it is.

    Raises:
        MirrorError: Terraform does not tell; its own words are in the message.
    """
    if not (folder / "terraform.tfvars").is_file():
        raise RefusedError(f"{folder} is no environment: there is no terraform.tfvars in it")
    try:
        found = evaluate_variables(folder, _EXPRESSION)
    except TerraformError as error:
        raise MirrorError(f"{folder}: {error}") from error
    return settings_of(folder, found)


def settings_of(folder: Path, found: dict[str, Any]) -> EnvironmentSettings:
    """Sorts what Terraform has told.

    Args:
        folder: the root module, which values files lie below.
        found: values of its variables.

    Raises:
        RefusedError: a values file cannot be read.
    """
    images = [_image("the queue agent", found["agent"])]
    charts = []
    for name, runtime in found["runtimes"].items():
        images.append(_image(f"runtime {name}", runtime["image"]))
        chart = runtime["chart"]
        if chart and chart["version"]:
            charts.append(ChartSetting(f"runtime {name}", chart["repository"], chart["version"]))
        if runtime["values_file"]:
            images += _of_values(name, folder / runtime["values_file"])
    return EnvironmentSettings(
        folder,
        found["region"],
        found["name"],
        found["tags"],
        found["prefix"] or DEFAULT_PREFIX,
        found["karpenter"],
        found["keda"],
        found["architecture"],
        tuple({one.key: one for one in images if one}.values()),
        tuple({one.key: one for one in charts}.values()),
    )


def _image(owner: str, image: Any, values_file: Path | None = None) -> ImageSetting | None:
    if not image or not image.get("repository"):
        return None
    tag, digest = image.get("tag") or None, image.get("digest") or None
    return ImageSetting(owner, image["repository"], tag, digest, values_file)


def _of_values(runtime: str, path: Path) -> list[ImageSetting | None]:
    try:
        with path.open("rb") as file:
            values = yaml.safe_load(file.read(_MAX_VALUES_BYTES)) or {}
        return [
            _image(f"{part} of {path.name}, {runtime}", values.get(part, {}).get("image"), path)
            for part in ("runtime", "agent")
        ]
    except (OSError, ValueError, AttributeError, yaml.YAMLError) as error:
        raise RefusedError(f"{path}: is no readable values file: {error}") from error
