"""One process of the AWS provider for many runs of Terraform.

Terraform by itself hashes the provider's 700 MB in each command and starts the provider two to four
times, for its schemas, a plan and an apply: more than half of a small root's CPU time. Told of a
process that runs already, it does neither. That process configures itself anew for each run, by the
run's provider blocks and by its own environment: endpoint and credentials are those that it was
started with.

https://developer.hashicorp.com/terraform/plugin/debugging#starting-a-provider-in-debug-mode
"""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_VERSIONS = Path(__file__).parents[1] / "modules" / "vpc" / "versions.tf"
_REATTACH = "TF_REATTACH_PROVIDERS"
_SECONDS = 300


@contextmanager
def provider_process(folder: Path, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Starts the provider, of the version that the modules ask for, and ends it.

    A `terraform init` that is told of it looks at no lock file: that the provider is the one of
    our lock files, runs without it show (the environments', `make check`'s).

    Args:
        folder: an empty one, to work in; made if missing.
        environment: all that the provider sees; with TF_CLI_CONFIG_FILE.

    Yields:
        The environment with the variable that names the process, for Terraform.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(_VERSIONS, folder)
    subprocess.run(
        ["terraform", "init", "-input=false"],
        cwd=folder,
        env=dict(environment) | {"TF_DATA_DIR": str(folder / ".terraform")},
        check=True,
        capture_output=True,
        timeout=_SECONDS,
    )
    (program,) = folder.glob(".terraform/providers/*/hashicorp/aws/*/*/terraform-provider-aws*")
    log = folder / "provider.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [program, "-debug"], env=dict(environment), stdout=output, stderr=output
        )
    try:
        yield dict(environment) | {_REATTACH: _address_in(log, process)}
    finally:
        process.terminate()
        process.wait(_SECONDS)


def _address_in(log: Path, process: "subprocess.Popen[bytes]") -> str:
    """Returns what the provider says about where it listens, once it does."""
    deadline = time.monotonic() + _SECONDS
    while not (said := re.search(rf"{_REATTACH}='(.*)'\n", log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return said[1]
