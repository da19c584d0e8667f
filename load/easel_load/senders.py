"""Who sends a load: the API keys of the tenants, or whoever signs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from easel_cli.api_authorization import ApiKey, authorization_of
from easel_cli.api_client import ApiClient
from easel_cli.aws_clients import AwsClients
from easel_cli.request_building import RequestError
from easel_cli.submit_options import API_KEY_VARIABLE
from easel_cli.target import Authorization, Target
from easel_cli.target_source import stack_outputs
from easel_load.options import LoadOptions

_DEFAULT_TENANT = "default"


@dataclass(frozen=True)
class Senders:
    """Who sends: the keys by tenant, and how often each sends.

    Attributes:
        weights: by tenant; none where requests are signed.
        keys: values of the API keys, by tenant.
    """

    weights: Mapping[str, int]
    keys: Mapping[str, str]


def senders_of(options: LoadOptions, target: Target, clients: AwsClients) -> Senders:
    """Reads the keys of the tenants that are to send.

    Raises:
        easel_cli.request_building.RequestError: the stack has no such key.
        botocore.exceptions.ClientError: these credentials may not read a key.
    """
    if target.authorization is Authorization.AWS_IAM:
        if options.tenants:
            raise RequestError("--tenant: requests to this stack are signed, it has no keys")
        return Senders({}, {})
    weights = dict(_weighted(text) for text in options.tenants or [_DEFAULT_TENANT])
    ids = {_DEFAULT_TENANT: target.known_api_key_id} | dict(
        stack_outputs(options.env, options.outputs).get("api_key_ids") or {}
    )
    unknown = [tenant for tenant in weights if tenant not in ids]
    if unknown:
        raise RequestError(f"--tenant {', '.join(unknown)}: the keys are {', '.join(ids)}")
    known = os.environ.get(API_KEY_VARIABLE)
    keys = {
        tenant: known
        if known and len(weights) == 1 and tenant == _DEFAULT_TENANT
        else clients.api_key(ids[tenant])
        for tenant in weights
    }
    return Senders(weights, keys)


def apis_of(target: Target, clients: AwsClients, senders: Senders) -> dict[str, ApiClient]:
    """Returns the API as each sender has it, by tenant; "" where requests are signed."""
    if not senders.weights:
        return {"": ApiClient(target.endpoint, authorization_of(target, clients))}
    return {tenant: ApiClient(target.endpoint, ApiKey(key)) for tenant, key in senders.keys.items()}


def _weighted(text: str) -> tuple[str, int]:
    name, _, weight = text.partition("=")
    if not (weight.isascii() and (weight or "1").isdecimal() and int(weight or "1") >= 1):
        raise RequestError(f"--tenant {text}: the weight is to be a whole number from 1")
    return name, int(weight or "1")
