"""Checks the bearer tokens of EKS: `k8s-aws-v1.` and the URL of a signed STS call.

A real cluster makes that call and learns who signed it. Here the signature is computed anew from
the secret keys of the local stack: a token for another cluster, or signed with another key, does
not match. Signature version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

import base64
import binascii
import datetime
import hashlib
import hmac
import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl, quote, urlsplit

from easel_local.kubernetes.errors import ApiError

PREFIX = "Bearer k8s-aws-v1."

_HEADER = "x-k8s-aws-id"
_HOST = re.compile(r"sts\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?")
_LONGEST_SECONDS = 900
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_NEEDED = {
    "Action": "GetCallerIdentity",
    "Version": "2011-06-15",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-SignedHeaders": f"host;{_HEADER}",
}


class EksAuthenticator:
    """Lets those in who sign as EKS wants it, and whoever has the token of this server's own."""

    def __init__(self, cluster_name: str, secrets: Mapping[str, str], own_token: str) -> None:
        """Keeps what tokens are checked with.

        Args:
            cluster_name: that a token must be for.
            secrets: secret keys by access key id.
            own_token: of the one who started the server.
        """
        self._cluster_name = cluster_name
        self._secrets = secrets
        self._own = f"Bearer {own_token}"

    def __call__(self, authorization: str | None) -> None:
        """Looks at a request's Authorization.

        Raises:
            ApiError: 401, with the reason that a real server keeps to itself.
        """
        if authorization is None:
            raise _unauthorized("no Authorization header")
        if hmac.compare_digest(authorization.encode(), self._own.encode()):
            return
        if not authorization.startswith(PREFIX):
            raise _unauthorized("no token of EKS")
        encoded = authorization.removeprefix(PREFIX)
        try:
            url = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode("ascii")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise _unauthorized("the token is no base64url") from error
        self._check(url)

    def _check(self, text: str) -> None:
        url = urlsplit(text)
        query = dict(parse_qsl(url.query))
        host = _HOST.fullmatch(url.netloc)
        if url.scheme != "https" or host is None or url.path != "/":
            raise _unauthorized(f"{url.netloc} is no regional host of STS")
        wrong = [name for name, value in _NEEDED.items() if query.get(name) != value]
        if wrong:
            raise _unauthorized(f"{', '.join(wrong)} of the signed call is not as EKS wants it")
        access_key, _, scope = query.get("X-Amz-Credential", "").partition("/")
        if scope.split("/")[1:] != [host[1], "sts", "aws4_request"]:
            raise _unauthorized("signed for another region or service")
        _check_time(query)
        secret = self._secrets.get(access_key)
        if secret is None:
            raise _unauthorized("the access key is not known here")
        signature = self._signature(url.netloc, query, scope, secret)
        if not hmac.compare_digest(signature, query.get("X-Amz-Signature", "")):
            raise _unauthorized(f"signed for another cluster than {self._cluster_name}")

    def _signature(self, host: str, query: Mapping[str, str], scope: str, secret: str) -> str:
        signed = sorted((k, v) for k, v in query.items() if k != "X-Amz-Signature")
        canonical_query = "&".join(
            f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in signed
        )
        canonical = "\n".join(
            [
                *("GET", "/", canonical_query),
                *(f"host:{host}", f"{_HEADER}:{self._cluster_name}", ""),
                *(f"host;{_HEADER}", _EMPTY_SHA256),
            ]
        )
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = "\n".join(["AWS4-HMAC-SHA256", query["X-Amz-Date"], scope, hashed])
        key = f"AWS4{secret}".encode()
        for part in (*scope.split("/"), to_sign):
            key = hmac.digest(key, part.encode(), "sha256")
        return key.hex()


def _check_time(query: Mapping[str, str]) -> None:
    try:
        signed = datetime.datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%S%z")
        expires = int(query["X-Amz-Expires"])
    except (KeyError, ValueError) as error:
        raise _unauthorized("the signed call has no time") from error
    age = (datetime.datetime.now(datetime.UTC) - signed).total_seconds()
    # As EKS: 15 minutes from the signature on, whatever shorter time the URL says.
    if not 0 < expires <= _LONGEST_SECONDS or not -_LONGEST_SECONDS < age < _LONGEST_SECONDS:
        raise _unauthorized("the token has ended")


def _unauthorized(why: str) -> ApiError:
    return ApiError(HTTPStatus.UNAUTHORIZED, f"Unauthorized: {why}", "Unauthorized")
