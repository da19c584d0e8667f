"""Settings that a deployment decides on, in terraform.tfvars: a person's own lines stay.

A line may be written where nobody has decided: the setting is missing, null or an empty list, or it
is as easel ships it. All else is a person's, and what disagrees with it is refused.
"""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from easel_cli.deployment.step import StepError
from easel_contract.task import RuntimeType
from easel_snapshot.errors import SnapshotError
from easel_snapshot.hcl_objects import Attribute, read_attributes
from easel_snapshot.tfvars_file import read_tfvars, with_member, write_tfvars

SHIPPED_NAME = "easel"
"""Name of the stack in the files that easel ships."""

SHIPPED_RUNTIMES = frozenset(
    {
        "a882d993dbb6a1a455139ae15280c69b2755b1314d6fd323f6f0ee9fa8e120fd",
        "3a135c78fa080c3ae50cc7e98759a332fc523b8eb27931f0da6198b98858e18b",
    }
)
"""SHA-256 of the text of `runtimes` in the files of envs/ as easel ships them, so that `easel env
new` copies it. tests/unit/test_deploy_settings.py says what to write here after a change there."""

_UNDECIDED = ("null", "[]")
_STRING = re.compile(r'"([^"\\]*)"')


class Settings:
    """A region's terraform.tfvars."""

    def __init__(self, path: Path) -> None:
        """Names the file; it is read at each question, as a person may change it meanwhile."""
        self.path = path
        self.written: list[str] = []
        """What was written, as `name = value`."""

    @property
    def name(self) -> str:
        """Name of the stack.

        Raises:
            StepError: the file does not say it as a plain string.
        """
        found = self._read().get("name")
        if found is None or found.string is None:
            raise StepError(f'{self.path} says no stack\'s name: write name = "{SHIPPED_NAME}"')
        return found.string

    def string(self, name: str) -> str | None:
        """Returns a setting that is a plain string; None where it is none, or missing."""
        found = self._read().get(name)
        return found.string if found else None

    def is_decided(self, name: str, member: str | None = None) -> bool:
        """Returns whether somebody has set a setting.

        Args:
            name: of the setting.
            member: of it, where it is an object.
        """
        found = self._read().get(name)
        if found and member:
            found = found.members.get(member)
        return found is not None and found.text not in _UNDECIDED

    def member_string(self, name: str, member: str) -> str | None:
        """Returns a member of an object that is a plain string; None where it is none."""
        found = self._read().get(name)
        inner = found.members.get(member) if found else None
        return inner.string if inner else None

    def strings(self, name: str, member: str) -> list[str]:
        """Returns the plain strings in a member of an object that is a list; none: it is none."""
        found = self._read().get(name)
        inner = found.members.get(member) if found else None
        return _STRING.findall(inner.text) if inner else []

    @property
    def runtimes(self) -> dict[str, Attribute]:
        """The runtimes by name.

        Raises:
            StepError: they are not written as an object.
        """
        found = self._read().get("runtimes")
        if found is None or not found.is_object:
            raise StepError(f"{self.path} has no `runtimes = {{...}}`")
        return found.members

    @property
    def has_shipped_runtimes(self) -> bool:
        """Whether the runtimes are still those that easel ships: nobody's choice."""
        found = self._read().get("runtimes")
        return found is not None and digest_of(found.text) in SHIPPED_RUNTIMES

    def set(self, name: str, value: str, told: str | None = None) -> None:
        """Writes a setting.

        Args:
            name: of the setting.
            value: as HCL.
            told: what a person reads of it; None: all of it.

        Raises:
            StepError: the file cannot be written.
        """
        text = self._text()
        there = read_attributes(text).get(name)
        if there is None:
            changed = f"{text.rstrip()}\n\n{name} = {value}\n"
        else:
            changed = text[: there.value_start] + value + text[there.value_end :]
        self._write(text, changed, told or f"{name} = {value}")

    def set_member(self, names: tuple[str, ...], value: str) -> None:
        """Writes a setting inside of objects that are there, but perhaps for the outermost.

        Args:
            names: of the objects and the setting, from the outside.
            value: as HCL.

        Raises:
            StepError: the file cannot be written, or an object is not written as one.
        """
        text = self._text()
        *objects, last = names
        parent: Attribute | None = None
        members = read_attributes(text)
        for name in objects:
            parent = members.get(name)
            if parent is None and len(objects) == 1:
                self.set(name, f"{{ {last} = {value} }}")
                return
            if parent is None or not parent.is_object:
                raise StepError(f"{self.path}: {name} is not written as an object: `{name} = {{`")
            members = parent.members
        assert parent is not None  # noqa: S101 - there is at least one object
        there = members.get(last)
        changed = (
            with_member(text, parent, f"{last} = {value}")
            if there is None
            else text[: there.value_start] + value + text[there.value_end :]
        )
        self._write(text, changed, f"{'.'.join(names)} = {value}")

    def choose_name(self, asked: str | None, is_applied: Callable[[], bool]) -> None:
        """Sets the stack's name.

        Args:
            asked: by a person; None: the file's own is taken.
            is_applied: says whether a stack of the file's name stands; asked only where it counts.

        Raises:
            StepError: the file has another one, which is somebody's choice.
        """
        if asked in (None, self.name):
            return
        is_own = self.name != SHIPPED_NAME
        if is_own or is_applied():
            why = "is there" if is_own else "stands already"
            raise StepError(
                f'{self.path} says name = "{self.name}", and --stack-name {asked}: leave '
                f"--stack-name out, or change the line ({self.name} {why})"
            )
        self.set("name", f'"{asked}"')

    def choose_runtime(self, name: str | None, kind: RuntimeType | None, default: str) -> None:
        """Sees to it that the runtime is there which a person asks for.

        Runtimes as easel ships them become the one that is asked for; into a person's own runtimes
        one may be added, and none is changed or removed.

        Args:
            name: of the runtime; None: `default`, or what is there.
            kind: its type; None: SD WebUI, or what is there.
            default: name of a runtime that nobody has named.

        Raises:
            StepError: a runtime of the name is there, and has another type.
        """
        there = self.runtimes
        if self.has_shipped_runtimes:
            wanted = kind or RuntimeType.SDWEBUI
            sample = next(one for one in there.values() if _type(one) == wanted)
            chosen = name or default
            value = f"{{\n  {chosen} = {sample.text}\n}}"
            self.set("runtimes", value, f"runtimes: {chosen} alone, of type {wanted}")
            return
        if name is None and (kind is None or any(_type(one) == kind for one in there.values())):
            return
        name = name or default
        if name in there:
            if kind not in (None, _type(there[name])):
                raise StepError(
                    f"{self.path} has a runtime {name} of type {_type(there[name])}, not {kind}: "
                    "name another one by --runtime-name, or change the file"
                )
            return
        self._add(name, kind or RuntimeType.SDWEBUI)

    def _add(self, name: str, kind: RuntimeType) -> None:
        text = self._text()
        parent = read_attributes(text)["runtimes"]
        member = f"{name} = {_NEW_RUNTIMES[kind]}"
        self._write(text, with_member(text, parent, member), f"runtimes: {name}, of type {kind}")

    def _read(self) -> dict[str, Attribute]:
        try:
            return read_attributes(self._text())
        except SnapshotError as error:
            raise StepError(f"{self.path}: {error}") from error

    def _text(self) -> str:
        try:
            return read_tfvars(self.path)
        except SnapshotError as error:
            raise StepError(str(error)) from error

    def _write(self, before: str, after: str, told: str) -> None:
        if after == before:
            return
        try:
            read_attributes(after)
            write_tfvars(self.path, before, after)
        except SnapshotError as error:
            raise StepError(str(error)) from error
        self.written.append(" ".join(told.split()))


_NEW_RUNTIMES = {
    RuntimeType.SDWEBUI: """{
    type           = "sdwebui"
    model_filename = "v1-5-pruned-emaonly.safetensors"
    image          = { repository = "easel/sd-webui", tag = "1.10.1" }
  }""",
    RuntimeType.COMFYUI: """{
    type  = "comfyui"
    image = { repository = "easel/comfyui", tag = "0.8.2" }
  }""",
}
"""As envs/us-east-1 has them, with the chart's nodes and scaling."""


def digest_of(runtimes: str) -> str:
    """Returns what SHIPPED_RUNTIMES holds, of the text of `runtimes`."""
    return hashlib.sha256(runtimes.encode()).hexdigest()


def _type(runtime: Attribute) -> str | None:
    found = runtime.members.get("type")
    return found.string if found else None
