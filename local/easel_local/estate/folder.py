"""The folder that Terraform works in: an environment's own files, and a state of its own."""

import shutil
from pathlib import Path

from easel_local.paths import ROOT

_REACHED = ("modules", "charts", "local", "build")
"""What root modules name by relative paths."""

_STATE = (".terraform", "terraform.tfstate")

_BACKEND = "backend.tf"
"""A user's own, of a stack on AWS: an apply on this machine must not come near its state."""

_LOCK = ".terraform.lock.hcl"


def root_folder(environment: str, home: Path) -> Path:
    """Makes a folder whose files are links to those of envs/<environment>.

    Relative paths lead to the same modules; state and providers lie in the folder, so that the
    checkout stays clean and a state that is there stays untouched.

    Args:
        environment: name of the folder under envs/.
        home: where to.

    Returns:
        The root module.
    """
    source = ROOT / "envs" / environment
    root = home / "envs" / environment
    root.mkdir(parents=True, exist_ok=True)
    for name in _REACHED:
        _link(home / name, ROOT / name)
    for old in root.iterdir():
        if old.is_symlink():
            old.unlink()
    for file in source.iterdir():
        if file.name != _BACKEND and not file.name.startswith((*_STATE, _LOCK)):
            _link(root / file.name, file)
    shutil.copyfile(source / _LOCK, root / _LOCK)
    return root


def _link(path: Path, to: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(to)
