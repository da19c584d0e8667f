"""Serves the emulator in the foreground until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from easel_local.credentials import CredentialsError, StackCredentials
from easel_local.emulator.process import REGION, KubernetesEndpoint
from easel_local.emulator.server import ServerError, ServerOptions, serve

_HIGHEST_PORT = 65535


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{port} is not a port: 0 (any free one) to 65535")
    return port


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m easel_local.emulator",
        description="AWS on 127.0.0.1: the emulator of easel's local stack.",
    )
    parser.add_argument("--port", type=_port, default=0, help="port; 0 (default) takes a free one")
    parser.add_argument(
        "--credentials",
        type=Path,
        required=True,
        help="file with the root's access key, as AWS_SHARED_CREDENTIALS_FILE; made if missing",
    )
    parser.add_argument("--region", default=REGION, help="of requests that nobody signed")
    parser.add_argument(
        "--state-dir", type=Path, help="keep the state in this folder over restarts"
    )
    parser.add_argument(
        "--enforce-iam",
        action="store_true",
        help="check IAM policies of sqs, sns, s3 and kms requests, as AWS does",
    )
    parser.add_argument("--kubernetes-url", help="the API server of every EKS cluster")
    parser.add_argument(
        "--kubernetes-ca", type=Path, help="PEM file of the authority of its certificate"
    )
    parser.add_argument(
        "--calls", type=Path, help="write calls and their IAM actions here; needs --enforce-iam"
    )
    parser.add_argument(
        "--without-bridges",
        action="store_true",
        help="serve ministack as it is, to see what the bridges are for",
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and serve.

    Returns:
        The exit status: 0 after a clean stop, 1 when the emulator cannot start.
    """
    parser = _parser()
    found = parser.parse_args(arguments)
    if (found.kubernetes_url is None) != (found.kubernetes_ca is None):
        parser.error("--kubernetes-url and --kubernetes-ca need each other")
    if found.calls is not None and not found.enforce_iam:
        parser.error("--calls needs --enforce-iam")
    try:
        credentials = StackCredentials.made(found.credentials)
    except CredentialsError as error:
        print(f"emulator: {error}", file=sys.stderr)
        return 1
    options = ServerOptions(
        credentials=credentials,
        port=found.port,
        region=found.region,
        state_dir=found.state_dir,
        enforce_iam=found.enforce_iam,
        kubernetes=KubernetesEndpoint(found.kubernetes_url, found.kubernetes_ca)
        if found.kubernetes_url
        else None,
        bridges=not found.without_bridges,
        calls_path=found.calls,
    )
    try:
        serve(options)
    except KeyboardInterrupt:
        return 0
    except ServerError as error:
        print(f"emulator: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: it would join threads that wait for long polls and functions.
    os._exit(status)
