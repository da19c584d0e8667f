"""A root module, driven by python-terraform."""

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import python_terraform


class RootModule:
    """A root module and the environment that Terraform runs it in."""

    def __init__(self, folder: Path, program: Path | None = None) -> None:
        """Describes it; runs nothing.

        Args:
            folder: of the root module.
            program: of `terraform_with`; None: Terraform in this process's environment.
        """
        self.folder = folder
        self._terraform = python_terraform.Terraform(
            working_dir=str(folder), terraform_bin_path=str(program or "terraform")
        )

    def init(self) -> None:
        self._succeed(self._terraform.init)

    def apply(self, **variables: Any) -> str:
        return self._succeed(self._terraform.apply, skip_plan=True, **_given(variables))

    def destroy(self) -> str:
        # 0.10.1 passes -force, which Terraform no longer knows, unless it is None.
        return self._succeed(self._terraform.destroy, force=None, auto_approve=True)

    def plan(self, target: list[str] | None = None, **variables: Any) -> tuple[int, str]:
        """The exit status (0: no change, 2: changes) and the plan, of all or of some addresses."""
        status, out, err = self._terraform.plan(target=target, **_given(variables))
        return status, out + err

    def outputs(self) -> dict[str, Any]:
        outputs: dict[str, Any] = self._terraform.output(json=python_terraform.IsFlagged)
        return outputs

    def resources(self, **options: str) -> list[str]:
        """Addresses of all that the state holds."""
        return self._succeed(self._terraform.cmd, "state list", **options).split()

    def _succeed(self, command: Callable[..., Any], *words: str, **options: Any) -> str:
        status, out, err = command(*words, **options)
        assert status == 0, f"terraform failed:\n{out}\n{err}"
        return str(out)


def terraform_with(environment: Mapping[str, str], home: Path) -> Path:
    """Makes a program that is Terraform in an environment of its own.

    python-terraform passes on the test process's environment, which two root modules that are
    applied at the same time cannot share.

    Args:
        environment: all that Terraform sees; an emulator's, for it is written down.
        home: gets the program; made if missing.
    """
    home.mkdir(parents=True, exist_ok=True)
    program = home / "terraform-with-environment"
    variables = " ".join(f"{name}={shlex.quote(one)}" for name, one in environment.items())
    program.write_text(f'#!/bin/sh\nexec env -i {variables} terraform "$@"\n')
    program.chmod(0o700)
    return program


def _given(variables: dict[str, Any]) -> dict[str, Any]:
    return {"var": variables} if variables else {}
