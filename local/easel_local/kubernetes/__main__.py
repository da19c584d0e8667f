"""Serves an API server in memory until SIGTERM or SIGINT."""

import argparse
import secrets
import signal
import sys
import threading
from pathlib import Path

from easel_local.credentials import CredentialsError, StackCredentials
from easel_local.kubernetes.certificate import make_certificate, server_context
from easel_local.kubernetes.objects import ObjectStore
from easel_local.kubernetes.server import serving
from easel_local.kubernetes.tokens import EksAuthenticator
from easel_local.ports import LOOPBACK


def main() -> int:
    """Serves; the first line on standard output is the URL.

    Returns:
        The exit status: 0 after a signal, 1 where the port cannot be had.
    """
    options = _options()
    options.certificate.mkdir(mode=0o700, parents=True, exist_ok=True)
    make_certificate(options.certificate)
    try:
        key = StackCredentials.made(options.credentials)
    except CredentialsError as error:
        print(f"kubernetes: {error}", file=sys.stderr)
        return 1
    own_token = secrets.token_urlsafe(32)
    token_file = options.certificate / "own-token"
    token_file.touch(0o600)
    token_file.write_text(own_token)
    authenticator = EksAuthenticator(
        options.cluster, {key.access_key_id: key.secret_access_key}, own_token
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    tls = server_context(options.certificate)
    try:
        with serving(ObjectStore(), port=options.port, tls=tls, authenticate=authenticator) as url:
            print(url, flush=True)
            stop.wait()
    except OSError as error:
        print(
            f"kubernetes: cannot listen on {LOOPBACK}:{options.port}: {error.strerror}; "
            "choose another --port",
            file=sys.stderr,
        )
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m easel_local.kubernetes",
        description="An API server in memory, over TLS, that takes the tokens of EKS.",
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--cluster", required=True, help="name that tokens must be for")
    parser.add_argument(
        "--certificate", type=Path, required=True, help="folder that gets ca.pem and own-token"
    )
    parser.add_argument(
        "--credentials",
        type=Path,
        required=True,
        help="file with the access key that tokens are signed with; made if missing",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
