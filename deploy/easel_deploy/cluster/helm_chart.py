"""Fetches charts: again where the network fails, with a password where ECR holds them."""

import base64
import json
import os
import random
import re
import time
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from easel_deploy.cluster.errors import ClusterError
from easel_deploy.cluster.helm_process import Helm
from easel_deploy.cluster.request import Chart

ATTEMPTS = 6
REGISTRY_VARIABLE = "EASEL_CHART_REGISTRY"
"""Host, and path if any, of a registry that charts are pulled from in place of where they are."""

_ATTEMPT_SECONDS = 120
_FIRST_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 30.0
_CALL_SECONDS = 30
_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 5}
)

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?"
)
_PUBLIC_ECR = "public.ecr.aws"
_LOOPBACK = re.compile(r"(localhost|127\.[0-9.]+)(:\d+)?")

# A message of a dead network can quote one of a live registry, and the other way round: what says
# "network" is looked for first.
_NETWORK = re.compile(
    r"time.?out|refused|reset|EOF|no such host|unreachable|TLS handshake|deadline exceeded|GOAWAY|"
    r"broken pipe|server misbehaving|temporary failure|too ?many ?requests|\b(429|50\d)\b",
    re.IGNORECASE,
)
_FINAL = re.compile(
    r"not found|\b40[0134]\b|unauthorized|denied|forbidden|name unknown|manifest unknown|"
    r"no chart version|invalid.?(reference|tag|version)|basic credential|unsupported protocol",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class RegistryLogin:
    """Who may pull from a registry."""

    host: str
    username: str
    password: str


class ChartFetcher:
    """Brings a chart onto this machine."""

    def __init__(self, helm: Helm, attempts: int = ATTEMPTS) -> None:
        self._helm = helm
        self._attempts = attempts

    def fetch(self, chart: Chart, login: RegistryLogin | None = None) -> str:
        """Returns what Helm takes as the chart: the path of a package or of a folder.

        Args:
            chart: where it comes from.
            login: to an OCI registry that is not ECR; for ECR it is fetched.

        Raises:
            ClusterError: it cannot be had; the message says why and what to do.
        """
        if chart.is_folder:
            if not Path(chart.reference, "Chart.yaml").is_file():
                raise ClusterError(f"{chart.reference} is no chart: it has no Chart.yaml.")
            return chart.reference
        chart = self._elsewhere(chart)
        variables = self._registry_variables(chart, login) if chart.is_oci else {}
        for attempt in range(1, self._attempts + 1):
            # A package that was broken off stays behind in the folder of its attempt.
            folder = self._helm.home / f"chart-{attempt}"
            try:
                return self._pull(chart, folder, variables)
            except ClusterError as error:
                if attempt == self._attempts or is_final(str(error)):
                    raise ClusterError(_no_chart(chart, attempt, error)) from error
                pause = _pause_seconds(attempt)
                self._helm.say(
                    f"chart {chart.reference} could not be fetched, attempt {attempt} of "
                    f"{self._attempts}; again in {pause:.0f} s: {_last_line(error)}"
                )
                time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _elsewhere(self, chart: Chart) -> Chart:
        registry = os.environ.get(REGISTRY_VARIABLE)
        if not registry:
            return chart
        name = chart.reference.rpartition("/")[2]
        self._helm.say(f"chart {name} {chart.version} from {registry} ({REGISTRY_VARIABLE})")
        return Chart(reference=f"oci://{registry.rstrip('/')}/{name}", version=chart.version)

    def _pull(self, chart: Chart, folder: Path, variables: dict[str, str]) -> str:
        options = ["--destination", str(folder)]
        if chart.version:
            options += ["--version", chart.version]
        if chart.repository:
            options += ["--repo", chart.repository]
        if chart.is_oci and _LOOPBACK.fullmatch(_host(chart)):
            options += ["--plain-http"]
        folder.mkdir(parents=True, exist_ok=True)
        self._helm.run(
            ["pull", chart.reference, *options],
            limit_seconds=_ATTEMPT_SECONDS,
            variables=variables,
        )
        return str(next(folder.glob("*.tgz")))

    def _registry_variables(self, chart: Chart, login: RegistryLogin | None) -> dict[str, str]:
        host = _host(chart)
        login = login or ecr_login(host)
        if login is None and host != _PUBLIC_ECR:
            # The user's own logins, by Helm or by Docker.
            command = ["env", "HELM_REGISTRY_CONFIG"]
            own = self._helm.run(command, limit_seconds=_CALL_SECONDS, apart=False).strip()
            return {"HELM_REGISTRY_CONFIG": own}
        # Nobody signs in to the public registry, yet it refuses a login of Docker's that has ended.
        folder = self._helm.home / "registry"
        write_registry_config(folder / "config.json", login)
        return {
            "HELM_REGISTRY_CONFIG": str(folder / "config.json"),
            "DOCKER_CONFIG": str(folder),
        }


def is_final(message: str) -> bool:
    """Whether another attempt would fail the same way: the registry or repository said no."""
    return not _NETWORK.search(message) and bool(_FINAL.search(message))


def ecr_login(host: str) -> RegistryLogin | None:
    """Asks a private ECR for a password; None for any other registry.

    Raises:
        ClusterError: ECR gives none.
    """
    match = _ECR.fullmatch(host)
    if not match:
        return None
    client = boto3.Session().client("ecr", region_name=match["region"], config=_CONFIG)
    try:
        answer = client.get_authorization_token(registryIds=[match["account"]])
    except (ClientError, BotoCoreError) as error:
        raise ClusterError(
            f"ECR gives no password for {host}: {error}\n"
            "Needed is ecr:GetAuthorizationToken, and leave to pull from the chart's repository."
        ) from error
    token = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
    username, _, password = token.partition(":")
    return RegistryLogin(host, username, password)


def write_registry_config(path: Path, login: RegistryLogin | None) -> None:
    """Writes a login as `helm registry login` does, which would need the password piped to it.

    Args:
        path: of the file; nobody else can read it.
        login: None writes an empty file of logins.
    """
    auths = {}
    if login is not None:
        pair = f"{login.username}:{login.password}"
        auths[login.host] = {"auth": base64.b64encode(pair.encode()).decode()}
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(0o600)
    path.write_text(json.dumps({"auths": auths}))


def _host(chart: Chart) -> str:
    return chart.reference.removeprefix("oci://").partition("/")[0]


def _pause_seconds(attempt: int) -> float:
    longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
    # Jitter: many runs that one outage stopped shall not come back all at once.
    return random.uniform(longest / 2, longest)  # noqa: S311 - no secret


def _no_chart(chart: Chart, attempts: int, error: Exception) -> str:
    where = f" of {chart.repository}" if chart.repository else ""
    times = f"{attempts} attempt(s)"
    advice = (
        "Its reference or version is wrong, or these credentials may not read it."
        if is_final(str(error))
        else "The network is at fault, or the registry. Where it often is (China), copy the chart "
        "into a registry of your own, such as ECR, and set chart.reference to it."
    )
    return (
        f"Chart {chart.reference}{where}, version {chart.version}, cannot be fetched "
        f"({times}):\n{error}\n{advice}"
    )


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1][:300]
