"""Images in other registries, without an account there: what the instance pulls with as well.

Protocol: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md, tokens as in
https://distribution.github.io/distribution/spec/auth/token/.
"""

import re
from urllib.parse import urlsplit

import requests

from easel_snapshot.errors import SnapshotError, UnreadableRegistryError
from easel_snapshot.image_reference import ImageReference
from easel_snapshot.manifests import INDEX_TYPES, LARGEST_MANIFEST, MANIFEST_TYPES

_TIMEOUT_SECONDS = 30
_UNAUTHORIZED = 401
_NOT_FOUND = 404
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_DOCKER_HUB_HOST = "registry-1.docker.io"


class RegistrySource:
    """Any registry that gives public images to everybody."""

    def __init__(self, http: requests.Session | None = None) -> None:
        """Nothing is called yet."""
        self._http = http or requests.Session()
        self._tokens: dict[tuple[str, str], str] = {}

    def manifest(self, image: ImageReference, name: str) -> bytes:
        """See ImageSource."""
        accepted = ", ".join((*INDEX_TYPES, *MANIFEST_TYPES))
        return self._get(image, f"manifests/{name}", accepted)

    def blob(self, image: ImageReference, digest: str) -> bytes:
        """See ImageSource."""
        return self._get(image, f"blobs/{digest}", "*/*")

    def _get(self, image: ImageReference, path: str, accepted: str) -> bytes:
        url = f"{_base_url(image.registry)}/v2/{image.repository}/{path}"
        try:
            response = self._ask(image, url, accepted)
            if response.status_code == _UNAUTHORIZED:
                self._sign_in(image, response.headers.get("WWW-Authenticate", ""))
                response = self._ask(image, url, accepted)
            if response.status_code in (_UNAUTHORIZED, _NOT_FOUND):
                raise SnapshotError(
                    f"{image}: there is no such image at {image.registry}, or it is not public"
                )
            response.raise_for_status()
            content = bytes(response.raw.read(LARGEST_MANIFEST + 1, decode_content=True))
        except requests.RequestException as error:
            raise UnreadableRegistryError(
                f"{image}: {image.registry} did not answer ({type(error).__name__}); copy the "
                "image into ECR where its registry is out of reach"
            ) from error
        if len(content) > LARGEST_MANIFEST:
            raise SnapshotError(f"{image}: {path} is larger than a manifest may be")
        return content

    def _ask(self, image: ImageReference, url: str, accepted: str) -> requests.Response:
        headers = {"Accept": accepted}
        token = self._tokens.get((image.registry, image.repository))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return self._http.get(url, headers=headers, timeout=_TIMEOUT_SECONDS, stream=True)

    def _sign_in(self, image: ImageReference, challenge: str) -> None:
        parameters = dict(_PARAMETER.findall(challenge))
        realm = parameters.pop("realm", "")
        if not challenge.lower().startswith("bearer") or not _is_safe(realm, image.registry):
            raise UnreadableRegistryError(
                f"{image}: {image.registry} wants a password; copy the image into ECR, from where "
                "the instance pulls by its own role"
            )
        query = {key: parameters[key] for key in ("service", "scope") if key in parameters}
        response = self._http.get(realm, params=query, timeout=_TIMEOUT_SECONDS)
        response.raise_for_status()
        answer = response.json()
        token = (
            answer.get("token") or answer.get("access_token") if isinstance(answer, dict) else ""
        )
        if isinstance(token, str) and token:
            self._tokens[image.registry, image.repository] = token


def _base_url(registry: str) -> str:
    if registry == "docker.io":
        return f"https://{_DOCKER_HUB_HOST}"
    # As Docker and containerd do: plain HTTP only to this machine.
    plain = urlsplit(f"//{registry}").hostname in ("localhost", "127.0.0.1")
    return f"{'http' if plain else 'https'}://{registry}"


def _is_safe(realm: str, registry: str) -> bool:
    return realm.startswith(("https://", f"{_base_url(registry)}/"))
