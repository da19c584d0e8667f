"""By which addresses this machine reaches a cluster: over the internet, or from a network.

AWS tells whom it sees: https://checkip.amazonaws.com (EKS's guide names it for public access).
"""

import os
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import requests

ADDRESS_VARIABLE = "EASEL_PUBLIC_ADDRESS"
"""Says it instead, where the way to the cluster is another one than to AWS's page (a tunnel)."""

ADDRESS_URL = "https://checkip.amazonaws.com"

_SECONDS = (3, 5)
_LONGEST = 64

Address = IPv4Address | IPv6Address


class AddressUnknownError(Exception):
    """Nobody says at which address this machine is seen."""


def public_address(http: requests.Session | None = None) -> Address:
    """Returns the address that AWS sees this machine at.

    Args:
        http: asks; None: a session of its own.

    Raises:
        AddressUnknownError: it cannot be found out; the message says why.
    """
    said = os.environ.get(ADDRESS_VARIABLE)
    if said is None:
        said = _asked(http or requests.Session())
    try:
        return ip_address(said.strip())
    except ValueError:
        source = ADDRESS_VARIABLE if ADDRESS_VARIABLE in os.environ else ADDRESS_URL
        raise AddressUnknownError(f"{source} says {said[:_LONGEST]!r}, which is none") from None


def is_within(address: Address, blocks: Iterable[str]) -> bool:
    """Returns whether an address is in one of some CIDR blocks."""
    return any(address in ip_network(block, strict=False) for block in blocks)


def has_address_in(blocks: Iterable[str]) -> bool:
    """Returns whether this machine would call a host in some networks from an address in one.

    Args:
        blocks: CIDR blocks of a VPC and of networks that are connected with it.
    """
    blocks = list(blocks)
    return any((own := _own_address(block)) and is_within(own, blocks) for block in blocks)


def _own_address(block: str) -> Address | None:
    """By which address a packet into a network leaves; connecting UDP sends none."""
    network = ip_network(block, strict=False)
    family = socket.AF_INET if network.version == 4 else socket.AF_INET6  # noqa: PLR2004
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(network.network_address + 1), 443))
            return ip_address(probe.getsockname()[0])
    except OSError:
        return None


def _asked(http: requests.Session) -> str:
    try:
        with http.get(ADDRESS_URL, timeout=_SECONDS, stream=True, allow_redirects=False) as answer:
            answer.raise_for_status()
            return bytes(answer.raw.read(_LONGEST, decode_content=True)).decode("ascii", "replace")
    except requests.RequestException as error:
        raise AddressUnknownError(
            f"{ADDRESS_URL} does not answer ({type(error).__name__})"
        ) from error
