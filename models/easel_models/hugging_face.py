"""Files of Hugging Face's hub, as `huggingface_hub` finds them."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from easel_models.errors import UsageError

TOKEN_VARIABLE = "HF_TOKEN"  # noqa: S105 - the variable's name
ENDPOINT_VARIABLE = "HF_ENDPOINT"
"""https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables"""

_ENDPOINT = "https://huggingface.co"
_SEGMENT = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_FILE = re.compile(rf"({_SEGMENT}/{_SEGMENT})/(.+)")


def hub_url(name: str, revision: str, environment: Mapping[str, str]) -> str:
    """Returns the URL of a file of the hub.

    Args:
        name: OWNER/REPO/FILE, such as stabilityai/sdxl-vae/sdxl_vae.safetensors.
        revision: branch, tag or commit.
        environment: of the process; a mirror of the hub is named by HF_ENDPOINT.

    Raises:
        UsageError: the name is of another form.
    """
    found = _FILE.fullmatch(name)
    if found is None or ".." in name.split("/"):
        raise UsageError(
            f"--hf {name}: write OWNER/REPO/FILE, as stabilityai/sdxl-vae/sdxl_vae.safetensors."
        )
    endpoint = environment.get(ENDPOINT_VARIABLE) or _ENDPOINT
    return f"{endpoint.rstrip('/')}/{found[1]}/resolve/{quote(revision, safe='')}/{quote(found[2])}"


def authorization(environment: Mapping[str, str]) -> str:
    """Returns the header that shows the token of HF_TOKEN; empty where there is none."""
    token = environment.get(TOKEN_VARIABLE, "").strip()
    return f"Bearer {token}" if token else ""
