"""Where Terraform finds the hashicorp/aws provider.

A machine with the registry at hand needs nothing; one without it has the provider in a filesystem
mirror. Either way one CLI configuration file says so, and ``TF_CLI_CONFIG_FILE`` points at it.

Format: https://developer.hashicorp.com/terraform/cli/config/config-file#provider-installation
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

OPTIONAL_SOFTWARE = Path("/opt")

_PROVIDER = Path("registry.terraform.io", "hashicorp", "aws")


class TerraformConfigError(Exception):
    """The provider cannot be configured; the message says what to change."""


def write_cli_config(directory: Path) -> Path:
    """Write a Terraform CLI configuration file.

    The AWS provider is taken from the first mirror that holds it (see ``find_mirror``), everything
    else from its registry. What is downloaded is kept under ``directory`` and shared by all root
    modules.

    Args:
        directory: Folder for the file and the plugin cache; made if missing.

    Returns:
        The absolute path of the file, for ``TF_CLI_CONFIG_FILE``.

    Raises:
        TerraformConfigError: ``TF_PLUGIN_DIR`` is set to a folder without the provider.
    """
    directory = directory.resolve()
    cache = directory / "plugin-cache"
    cache.mkdir(parents=True, exist_ok=True)
    path = directory / "terraform.rc"
    path.write_text(_render(cache, find_mirror()), encoding="utf-8")
    return path


def find_mirror() -> Path | None:
    """Find a filesystem mirror that holds the AWS provider.

    ``TF_PLUGIN_DIR`` wins; then Terraform's implied mirror directories, then ``/opt/*``.

    Returns:
        The mirror's root, or None when only the registry is left.

    Raises:
        TerraformConfigError: ``TF_PLUGIN_DIR`` is set to a folder without the provider.
    """
    chosen = os.environ.get("TF_PLUGIN_DIR")
    if chosen:
        if not _holds_provider(Path(chosen)):
            raise TerraformConfigError(
                f"TF_PLUGIN_DIR={chosen} holds no {_PROVIDER}: point it at a Terraform filesystem "
                "mirror, or unset it to use the registry"
            )
        return Path(chosen).resolve()
    return next((mirror for mirror in _usual_mirrors() if _holds_provider(mirror)), None)


def _usual_mirrors() -> list[Path]:
    data_dirs = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    data_home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    # Terraform ignores its implied mirrors once a configuration file names installation methods,
    # so they have to be named here.
    implied = [
        Path.home() / ".terraform.d" / "plugins",
        *(Path(root) / "terraform" / "plugins" for root in [data_home, *data_dirs.split(":")]),
    ]
    return [*implied, *sorted(OPTIONAL_SOFTWARE.glob("*"))]


def _holds_provider(mirror: Path) -> bool:
    try:
        return any((mirror / _PROVIDER).iterdir())
    except OSError:
        return False


def _render(cache: Path, mirror: Path | None) -> str:
    # A JSON string is an HCL string once template markers are escaped.
    def quoted(path: Path) -> str:
        return json.dumps(str(path)).replace("${", "$${").replace("%{", "%%{")

    lines = [
        f"plugin_cache_dir = {quoted(cache)}",
        "disable_checkpoint = true",
    ]
    if mirror is not None:
        lines += [
            "provider_installation {",
            "  filesystem_mirror {",
            f"    path    = {quoted(mirror)}",
            '    include = ["hashicorp/aws"]',
            "  }",
            "  direct {",
            '    exclude = ["hashicorp/aws"]',
            "  }",
            "}",
        ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Write the file into the folder named by the only argument and print its path."""
    if len(arguments) != 1:
        print("usage: python -m easel_deploy.terraform_config DIRECTORY", file=sys.stderr)
        return 2
    try:
        print(write_cli_config(Path(arguments[0])))
    except (TerraformConfigError, OSError) as error:
        print(f"terraform_config: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
