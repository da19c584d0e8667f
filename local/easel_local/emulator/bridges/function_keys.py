"""Lambda: the keys of a function's role."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.core import lambda_runtime
from ministack.services import lambda_svc, sts

from easel_local.emulator.bridges.bridge import Bridge

_ExecutionCredentials = Callable[[dict[str, Any]], dict[str, str]]


def secret_keys_of_functions(execution_credentials: _ExecutionCredentials) -> _ExecutionCredentials:
    """A function's keys can be guessed by nobody.

    ministack derives them from the names of the function and its role, which others know too; here
    the stack's own secret goes in as well. They are the same for all workers of a function.
    """

    def bridged(config: dict[str, Any]) -> dict[str, str]:
        if not app.AUTH:  # the account's own key, whose secret is the stack's
            return execution_credentials(config)
        function, role = config["FunctionArn"], config.get("Role", "")

        def derived(what: str) -> str:
            text = f"{what}:{function}:{role}".encode()
            return hmac.digest(os.environ["AWS_SECRET_ACCESS_KEY"].encode(), text, "sha256").hex()

        key = f"ASIA{derived('id')[:16].upper()}"
        account = function.split(":")[4]
        name = str(config.get("FunctionName", "function"))[:64]
        role_name = role.rpartition("/")[2]
        session = {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role_name}/{name}",
            "UserId": f"{role_name}:{name}",
            "SecretAccessKey": derived("secret"),
            "SessionToken": derived("token"),
        }
        sts.register_session(key, session)
        return {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
        }

    return bridged


BRIDGES = tuple(
    Bridge(module, "execution_credentials", secret_keys_of_functions)
    for module in (lambda_runtime, lambda_svc)
)
