"""Runs Helm, apart from whatever the user has set up for his own."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "charts" / "sd-runtime"

# libyaml's takes 0.01 s for a release's manifests, PyYAML's own 0.1 s.
_SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Manifest = dict[str, Any]
Values = Mapping[str, Any]


class HelmError(Exception):
    """What Helm wrote when it failed."""


@dataclass(frozen=True)
class Helm:
    binary: Path
    home: Path

    def run(self, *arguments: str | Path, stdin: str = "", **environment: str) -> str:
        """Returns what Helm writes to standard output.

        Raises:
            HelmError: it failed.
        """
        own = {name: os.environ[name] for name in ("PATH",)}
        for kind in ("CACHE", "CONFIG", "DATA"):
            own[f"HELM_{kind}_HOME"] = str(self.home / kind.lower())
        own |= {"HOME": str(self.home), "KUBECONFIG": os.devnull, "NO_PROXY": "127.0.0.1"}
        answer = subprocess.run(
            [str(self.binary), *map(str, arguments)],
            input=stdin,
            env=own | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if answer.returncode:
            raise HelmError(answer.stderr.strip())
        return answer.stdout

    def render(
        self,
        values: Values,
        *options: str,
        chart: str | Path = CHART,
        release: str = "sdruntime",
        namespace: str = "easel",
    ) -> list[Manifest]:
        """Returns the manifests that a release would have."""
        text = self.run(
            *("template", release, chart, "--namespace", namespace, "--values", "-", *options),
            stdin=yaml.safe_dump(dict(values)),
        )
        return [manifest for manifest in yaml.load_all(text, _SafeLoader) if manifest]


def overlay(base: Values, changes: Values) -> dict[str, Any]:
    """Returns values as Helm lays one file over another: maps merge, all else is replaced."""
    merged = dict(base)
    for key, value in changes.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = overlay(below, value)
        else:
            merged[key] = value
    return merged


def at(path: str, value: object) -> dict[str, Any]:
    """Returns values with one value, such as at("nodes.role", "x")."""
    nested: Any = value
    for key in reversed(path.split(".")):
        nested = {key: nested}
    assert isinstance(nested, dict)
    return nested


def of_kind(manifests: list[Manifest], kind: str) -> Manifest:
    """Returns the only manifest of a kind."""
    (found,) = (manifest for manifest in manifests if manifest["kind"] == kind)
    return found
