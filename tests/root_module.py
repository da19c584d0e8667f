"""A root module that tests apply, by easel's own runner of Terraform."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from easel_deploy.environments.root_module import RootModule

_APPLY_SECONDS = 1800
_PLAIN = ("-input=false", "-no-color")


class AppliedModule(RootModule):
    """A root module; each verb must succeed, and nothing is asked."""

    def apply(self, **variables: Any) -> None:
        self._succeed("apply", ["-auto-approve"], variables)

    def destroy(self) -> str:
        """What Terraform printed."""
        return self._succeed("destroy", ["-auto-approve"], {})

    def described_outputs(self) -> dict[str, Any]:
        """The outputs as `terraform output -json` prints them: each with its value and type."""
        done = self.call("output", "-json", "-no-color")
        assert done.returncode == 0, done.stderr
        outputs: dict[str, Any] = json.loads(done.stdout)
        return outputs

    def plan(self, target: Sequence[str] = (), **variables: Any) -> tuple[int, str]:
        """The exit status (0: no change, 2: changes) and the plan, of all or of some addresses."""
        options = ["-detailed-exitcode", *(f"-target={one}" for one in target)]
        with _variables_file(variables) as given:
            done = self.call("plan", *_PLAIN, *options, *given, seconds=_APPLY_SECONDS)
        return done.returncode, done.stdout + done.stderr

    def _succeed(self, verb: str, options: Sequence[str], variables: dict[str, Any]) -> str:
        with _variables_file(variables) as given:
            done = self.call(verb, *_PLAIN, *options, *given, seconds=_APPLY_SECONDS)
        assert done.returncode == 0, f"terraform {verb} failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout


@contextmanager
def _variables_file(variables: dict[str, Any]) -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "variables.tfvars.json")
        file.write_text(json.dumps(variables))
        yield [f"-var-file={file}"] if variables else []
