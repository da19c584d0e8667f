"""`pip install .` brings all that `easel` and `easel-deploy` import."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from .test_architecture import PACKAGES, ROOT

pytestmark = pytest.mark.unit

MODULES = {"pillow": "PIL", "pyyaml": "yaml"}
"""Modules that are not called like their distribution."""
WITH_OTHERS = {"botocore": "boto3", "urllib3": "requests", "pydantic_core": "pydantic"}
"""Modules of a distribution that another cannot be without."""


def imported(file: Path) -> Iterator[str]:
    """Modules that a file imports when it runs: not for the sake of types alone."""
    nodes = [ast.parse(file.read_text())]
    while nodes:
        node: ast.AST = nodes.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        nodes += ast.iter_child_nodes(node)  # type: ignore[arg-type]


def file_of(module: str) -> Path | None:
    """The file of a module of ours; None where the name is no module's."""
    package, *rest = module.split(".")
    place = PACKAGES[package].joinpath(*rest)
    files = (place.with_suffix(".py"), place / "__init__.py")
    return next((file for file in files if file.is_file()), None)


def files_of_easel() -> dict[Path, set[str]]:
    """Every file that is loaded by one of the commands, with the modules that it imports."""
    found: dict[Path, set[str]] = {}
    waiting = [
        file for name in ("easel_cli", "easel_deploy") for file in PACKAGES[name].rglob("*.py")
    ]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found[file] = set(imported(file))
        ours = [name for name in found[file] if name.partition(".")[0] in PACKAGES]
        waiting += [one for name in ours if (one := file_of(name)) is not None]
    return found


def test_every_import_is_a_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["dependencies"]
    source = project["tool"]["setuptools"]["dynamic"]["dependencies"]["file"]
    assert source == ["requirements/easel.in"]
    lines = (ROOT / source[0]).read_text().splitlines()
    names = {found[0] for line in lines if (found := re.match(r"[\w-]+", line))}
    assert "typer" in names
    known = {MODULES.get(name, name) for name in names}
    missing = {
        f"{file.relative_to(ROOT)}: {module}"
        for file, modules in files_of_easel().items()
        for module in {name.partition(".")[0] for name in modules}
        if module not in sys.stdlib_module_names | PACKAGES.keys()
        if WITH_OTHERS.get(module, module) not in known
    }
    assert missing == set()
    assert PACKAGES["easel_models"] / "verbs.py" in files_of_easel()


def test_the_pins_are_of_the_same_list() -> None:
    assert "-r easel.in\n" in (ROOT / "requirements" / "local.in").read_text()
