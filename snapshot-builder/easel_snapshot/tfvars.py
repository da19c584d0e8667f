"""Writes a snapshot into terraform.tfvars, where modules/runtime reads it: runtimes.NAME.nodes."""

import os
from dataclasses import dataclass
from pathlib import Path

from easel_snapshot.errors import SnapshotError
from easel_snapshot.hcl_objects import Attribute, read_attributes
from easel_snapshot.image_reference import EcrRegistry
from easel_snapshot.tfvars_file import read_tfvars, with_member, write_tfvars

CHART_VOLUME_GIB = 80
"""What charts/sd-runtime gives a node's volume where data_volume_gib does not say."""

_PLACEHOLDER = "snap-00000000000000000"


@dataclass(frozen=True)
class TfvarsEdit:
    """What changes in a file.

    Attributes:
        path: the file.
        runtimes: whose nodes get the snapshot.
        settings: of their nodes, as HCL, beside snapshot_id.
    """

    path: Path
    runtimes: list[str]
    settings: dict[str, dict[str, str]]

    def write(self, snapshot_id: str) -> None:
        """Writes it, whole or not at all.

        Args:
            snapshot_id: snap-...

        Raises:
            SnapshotError: the file is not understood any more, or is write-protected.
        """
        text = read_tfvars(self.path)
        changed = self._changed(text, snapshot_id)
        write_tfvars(self.path, text, changed)

    def try_out(self) -> None:
        """Looks whether `write` will find its way.

        Raises:
            SnapshotError: it will not.
        """
        self._changed(read_tfvars(self.path), _PLACEHOLDER)
        if not os.access(self.path, os.W_OK) or not os.access(self.path.resolve().parent, os.W_OK):
            raise SnapshotError(f"{self.path} cannot be written: look at its rights")

    def _changed(self, text: str, snapshot_id: str) -> str:
        for name in self.runtimes:
            settings = {"snapshot_id": f'"{snapshot_id}"', **self.settings[name]}
            for key, value in settings.items():
                text = _with_setting(text, name, key, value)
        return text


def plan_edit(
    path: Path,
    *,
    names: set[str],
    own: EcrRegistry,
    runtimes: tuple[str, ...],
    volume_gib: int,
    initialization_rate: int | None,
) -> TfvarsEdit:
    """Finds out what is to change.

    Args:
        path: a terraform.tfvars.
        names: images of the snapshot.
        own: registry of repositories that name none.
        runtimes: that get the snapshot; none: those whose image is in it.
        volume_gib: size of the snapshot: a node's volume cannot be smaller.
        initialization_rate: MiB/s, or None.

    Raises:
        SnapshotError: the file cannot be read, or the snapshot would not be used.
    """
    there = _runtimes(path, read_tfvars(path))
    chosen = list(runtimes) or [name for name, one in there.items() if _image(one, own) in names]
    if not chosen:
        raise SnapshotError(
            f"{path}: no runtime there has an image that is in the snapshot; name those that shall "
            "have it by --runtime"
        )
    unknown = sorted(set(chosen) - there.keys())
    if unknown:
        raise SnapshotError(
            f"{path} has no runtime {', '.join(unknown)}; it has {', '.join(there) or 'none'}"
        )
    settings = {
        name: _settings(path, name, there[name], volume_gib, initialization_rate) for name in chosen
    }
    edit = TfvarsEdit(path, chosen, settings)
    edit.try_out()
    return edit


def _settings(
    path: Path, name: str, runtime: Attribute, volume_gib: int, initialization_rate: int | None
) -> dict[str, str]:
    nodes = runtime.members.get("nodes")
    found = nodes.members if nodes else {}
    cache = found.get("image_cache")
    if cache and cache.text not in ("null", '"ebsSnapshot"'):
        raise SnapshotError(
            f"{path}: runtime {name} has image_cache = {cache.text}, which would not use the "
            "snapshot; remove that line"
        )
    store = found.get("instance_store_policy")
    if store and store.text != "null":
        raise SnapshotError(
            f"{path}: runtime {name} has instance_store_policy = {store.text}: the instance store "
            "would be mounted over the snapshot's images; remove that line"
        )
    settings = {}
    size = found.get("data_volume_gib")
    now = int(size.text) if size and size.text.isdecimal() else CHART_VOLUME_GIB
    if now < volume_gib:
        settings["data_volume_gib"] = str(volume_gib)
    if initialization_rate:
        settings["volume_initialization_rate"] = str(initialization_rate)
    return settings


def _runtimes(path: Path, text: str) -> dict[str, Attribute]:
    try:
        runtimes = read_attributes(text).get("runtimes")
    except SnapshotError as error:
        raise SnapshotError(f"{path}: {error}") from error
    if runtimes is None or not runtimes.is_object:
        raise SnapshotError(f"{path} has no `runtimes = {{...}}`")
    return runtimes.members


def _image(runtime: Attribute, own: EcrRegistry) -> str | None:
    image = runtime.members.get("image")
    parts = image.members if image else {}
    repository = parts["repository"].string if "repository" in parts else None
    if repository is None:
        return None
    if not {".", ":"} & set(repository.partition("/")[0]):
        repository = f"{own.host}/{repository}"
    if "digest" in parts and parts["digest"].string:
        return f"{repository}@{parts['digest'].string}"
    return f"{repository}:{parts['tag'].string}" if "tag" in parts else None


def _with_setting(text: str, runtime_name: str, key: str, value: str) -> str:
    runtime = read_attributes(text)["runtimes"].members[runtime_name]
    nodes = runtime.members.get("nodes")
    if nodes is None or nodes.text == "null":
        inner = f"nodes = {{ {key} = {value} }}"
        if nodes is None:
            return with_member(text, runtime, inner)
        return text[: nodes.start] + inner + text[nodes.value_end :]
    if not nodes.is_object:
        raise SnapshotError(f"runtime {runtime_name}: nodes is not written as an object")
    if there := nodes.members.get(key):
        return text[: there.value_start] + value + text[there.value_end :]
    return with_member(text, nodes, f"{key} = {value}")
