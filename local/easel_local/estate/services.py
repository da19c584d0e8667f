"""What an estate on this machine is applied to: emulator, API server, registry of charts."""

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from easel_cli.target import Target
from easel_deploy.terraform_config import write_cli_config
from easel_local import interrupts
from easel_local.chart_registry import ChartRegistry
from easel_local.credentials import StackCredentials
from easel_local.emulator.process import Emulator, EmulatorPlace, KubernetesEndpoint
from easel_local.estate.pods import stop_pods
from easel_local.estate.state import EstateState
from easel_local.kubernetes import KubernetesApi
from easel_local.paths import FUNCTIONS_PACKAGE, HOME, ROOT
from easel_local.processes import ManagedProcess

_GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class EstateServices:
    """Running processes, and the environment in which programs find them."""

    emulator: Emulator
    kubernetes: KubernetesApi
    charts: ChartRegistry

    @classmethod
    def start(
        cls, state: EstateState, home: Path, calls_path: Path | None = None
    ) -> "EstateServices":
        """Starts all of them; what was started is stopped again where one fails.

        Args:
            state: gets the processes, and what is needed to find them again.
            home: gets `logs/` and the API server's certificates.
            calls_path: gets the calls to the emulator, see `easel_local.emulator.call_log`.

        Raises:
            easel_local.credentials.CredentialsError: the file of the access key cannot be used.
            easel_local.emulator.process.EmulatorError: the emulator did not start.
            easel_local.server_process.ServerProcessError: the API server or the chart registry did
                not start.
        """
        logs = home / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        folder = home / "kubernetes"
        credentials = StackCredentials.made(home / "credentials").path
        log = logs / "kubernetes.log"
        kubernetes = KubernetesApi(
            state.name, folder=folder, log_path=log, credentials_path=credentials
        )
        charts = ChartRegistry(log_path=logs / "chart-registry.log")
        with contextlib.ExitStack() as started, interrupts.deferred():
            kubernetes.start()
            started.callback(kubernetes.stop)
            charts.start()
            started.callback(charts.stop)
            emulator = _emulator(state.region, home, kubernetes.url)
            if calls_path is not None:
                emulator.record_calls(calls_path)
            emulator.start()
            started.pop_all()
        services = cls(emulator, kubernetes, charts)
        state.processes = services.processes(logs)
        state.environment = services.environment()
        return services

    def processes(self, logs: Path) -> list[ManagedProcess]:
        """The running processes, in the order in which they were started.

        Args:
            logs: folder of their logs.
        """
        servers = [self.kubernetes.process, self.charts.process]
        emulator = ManagedProcess.of_pid("emulator", self.emulator.pid, logs / "emulator.log")
        return [*(process for process in servers if process), emulator]

    def stop(self) -> None:
        """Stops all of them; what they held is gone."""
        self.emulator.stop()
        self.charts.stop()
        self.kubernetes.stop()

    def environment(self) -> dict[str, str]:
        """What differs from this process's environment for a program that works on the estate."""
        own = self.emulator.environment()
        changed = {name: value for name, value in own.items() if os.environ.get(name) != value}
        return {
            **changed,
            **terraform_environment(),
            # `easel helm` finds what it needs by these two.
            "EASEL_DEPLOY": str(ROOT / ".venv" / "bin" / "easel-deploy"),
            "EASEL_CHART_REGISTRY": self.charts.host,
        }


def _emulator(region: str, home: Path, kubernetes_url: str) -> Emulator:
    return Emulator(
        log_path=home / "logs" / "emulator.log",
        place=EmulatorPlace(credentials_path=home / "credentials"),
        region=region,
        enforce_iam=True,
        kubernetes=KubernetesEndpoint(kubernetes_url, home / "kubernetes" / "ca.pem"),
    )


def terraform_environment() -> dict[str, str]:
    """What Terraform needs beside AWS.

    Raises:
        easel_deploy.terraform_config.TerraformConfigError: TF_PLUGIN_DIR leads nowhere.
    """
    return {
        "TF_CLI_CONFIG_FILE": str(write_cli_config(HOME / "terraform-cli")),
        "TF_IN_AUTOMATION": "1",
        # The zip with this machine's wheels, which the emulator runs.
        "TF_VAR_functions_package_path": str(FUNCTIONS_PACKAGE),
    }


def stop_processes(state: EstateState) -> None:
    """Stops what an earlier command started."""
    stop_pods(state.pods)
    with interrupts.deferred():
        for process in reversed(state.processes):
            process.stop(_GRACE_SECONDS)


def program_environment(changed: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a program, in which AWS is the emulator.

    Args:
        changed: of `EstateServices.environment`.
    """
    # Whatever else could lead a client to the real AWS is gone.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return inherited | dict(changed)


def local_endpoint(outputs: Mapping[str, Any], endpoint_url: str) -> str:
    """The API's URL on this machine; the output `endpoint` is what it would be on AWS.

    Args:
        outputs: values of the root module's outputs.
        endpoint_url: of the emulator.
    """
    stage = str(outputs["endpoint"]).rstrip("/").rpartition("/")[2]
    return f"{endpoint_url}/_aws/execute-api/{outputs['rest_api_id']}/{stage}"


def as_target_outputs(
    outputs: Mapping[str, Any], endpoint_url: str, credentials_file: str
) -> dict[str, Any]:
    """`terraform output -json` as a client on this machine needs it.

    Args:
        outputs: what `terraform output -json` says.
        endpoint_url: of the emulator.
        credentials_file: with its access key.
    """
    values = {name: output["value"] for name, output in outputs.items()}
    local = {
        "endpoint": local_endpoint(values, endpoint_url),
        "aws_endpoint_url": endpoint_url,
        "aws_credentials_file": credentials_file,
    }
    return {**outputs, **{name: {"value": value} for name, value in local.items()}}


def write_target(
    outputs: Mapping[str, Any], endpoint_url: str, credentials_file: str, file: Path
) -> Target | None:
    """Writes the file that `easel --outputs` takes for the estate on this machine.

    Args:
        outputs: what `terraform output -json` says.
        endpoint_url: of the emulator.
        credentials_file: with its access key.
        file: to write; removed where there is nothing to write.

    Returns:
        What it describes; None where an apply of a part (-target) has left outputs out.
    """
    try:
        local = as_target_outputs(outputs, endpoint_url, credentials_file)
        target = Target.from_outputs(local)
    except (KeyError, ValidationError):
        file.unlink(missing_ok=True)
        return None
    file.write_text(json.dumps(local, indent=2) + "\n")
    return target
