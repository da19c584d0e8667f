"""Writes what Terraform needs to pull from the mirror: `mirror.auto.tfvars.json`.

Terraform reads it by itself, after terraform.tfvars:
https://developer.hashicorp.com/terraform/language/values/variables#variable-definition-precedence
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from easel_mirror.errors import RefusedError
from easel_mirror.survey import Found

FILE_NAME = "mirror.auto.tfvars.json"


def mirrored_settings(prefix: str, found: list[Found], target_host: str) -> dict[str, Any]:
    """Returns values for the variables `mirror_prefix` and `mirrored`.

    Args:
        prefix: of all copies.
        found: what was copied, or was there.
        target_host: the registry that has it.
    """
    images: dict[str, dict[str, str]] = {}
    charts: dict[str, dict[str, str]] = {}
    for one in found:
        key, root = one.wanted.settings_key, one.root
        if key is None or root is None:
            continue
        if one.wanted.name.startswith("chart"):
            version = str(one.wanted.tag)
            repository = f"oci://{target_host}/{one.wanted.copied_to}"
            charts[key] = {"repository": repository, "version": version}
        else:
            images[key] = {"repository": one.wanted.copied_to, "digest": root.digest}
    return {"mirror_prefix": prefix, "mirrored": {"images": images, "charts": charts}}


def write_settings(folder: Path, settings: dict[str, Any]) -> Path:
    """Writes the file, whole or not at all.

    Raises:
        RefusedError: it cannot be written.
    """
    path = folder / FILE_NAME
    text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=folder, prefix=f".{FILE_NAME}-", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
        temporary = Path(file.name)
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise RefusedError(f"{path}: {error.strerror}") from error
    return path
