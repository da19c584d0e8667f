"""Who signs in where: AWS's credentials to ECR, Docker's own logins elsewhere, nobody in public."""

import base64
import binascii
import json
import os
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from easel_mirror.errors import MirrorError
from easel_mirror.reference import DOCKER_HUB

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]+)\."
    r"(amazonaws\.com(\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn)"
)
_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 5}
)
_DOCKER_HUB_KEY = "https://index.docker.io/v1/"
_MAX_CONFIG_BYTES = 1024 * 1024
_RENEWED_BEFORE_SECONDS = 600.0


@dataclass(frozen=True)
class Login:
    """Name and password at a registry."""

    username: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """The value of Authorization (RFC 7617)."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


class Credentials(Protocol):
    """Whoever knows a login."""

    def login(self) -> Login | None:
        """Returns the login that holds now; None: nobody signs in.

        Raises:
            MirrorError: it cannot be had.
        """


class EcrCredentials:
    """Asks ECR for a password, which holds for 12 hours, and again before it ends."""

    def __init__(self, account: str, region: str, client: Any = None) -> None:
        self._account = account
        self._region = region
        self._client = client or boto3.Session().client("ecr", region_name=region, config=_CONFIG)
        self._lock = threading.Lock()
        self._login: Login | None = None
        self._until = 0.0

    def login(self) -> Login:
        """See Credentials."""
        with self._lock:
            if self._login is None or time.time() > self._until - _RENEWED_BEFORE_SECONDS:
                self._login = self._ask()
            return self._login

    def _ask(self) -> Login:
        try:
            answer = self._client.get_authorization_token(registryIds=[self._account])
        except (ClientError, BotoCoreError) as error:
            raise MirrorError(
                f"ECR of account {self._account} in {self._region} gives no password: {error}\n"
                "Needed are credentials of AWS that may call ecr:GetAuthorizationToken there."
            ) from error
        data = answer["authorizationData"][0]
        self._until = data["expiresAt"].timestamp()
        pair = base64.b64decode(data["authorizationToken"]).decode()
        username, _, password = pair.partition(":")
        return Login(username, password)


class DockerLogins:
    """The logins that `docker login`, `podman login` or `helm registry login` has written down.

    Only those that stand in the file: its `auths`. A credential helper is another program, and is
    not run.
    """

    def __init__(self, path: Path | None = None) -> None:
        folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
        self._path = path or folder / "config.json"

    def of(self, host: str) -> Login | None:
        """Returns the login to a registry; None: there is none.

        Raises:
            MirrorError: the file cannot be read.
        """
        key = _DOCKER_HUB_KEY if host == DOCKER_HUB else host
        auths = self._auths()
        entry = auths.get(key) or auths.get(f"https://{host}") or {}
        encoded = entry.get("auth") if isinstance(entry, dict) else None
        if not encoded:
            return None
        try:
            pair = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, ValueError, TypeError) as error:
            raise MirrorError(f"{self._path}: the login to {host} is no base64") from error
        username, _, password = pair.partition(":")
        return Login(username, password)

    def _auths(self) -> dict[str, Any]:
        try:
            if not self._path.is_file():
                return {}
            with self._path.open("rb") as file:
                read = json.loads(file.read(_MAX_CONFIG_BYTES))
        except (OSError, ValueError) as error:
            raise MirrorError(f"{self._path}, Docker's logins, cannot be read: {error}") from error
        auths = read.get("auths") if isinstance(read, dict) else None
        return auths if isinstance(auths, dict) else {}


@dataclass(frozen=True)
class FixedLogin:
    """One login, or nobody."""

    value: Login | None = None

    def login(self) -> Login | None:
        """See Credentials."""
        return self.value


def credentials_for(host: str) -> Credentials:
    """Returns who signs in to a registry.

    Raises:
        MirrorError: Docker's logins cannot be read.
    """
    if match := _ECR.fullmatch(host):
        return EcrCredentials(match["account"], match["region"])
    return FixedLogin(DockerLogins().of(host))
