"""Whether this machine will reach the cluster's API, which releases are installed through."""

import os

from easel_deploy.cluster.access import KUBECONFIG_VARIABLE
from easel_deploy.environments.public_address import (
    ADDRESS_VARIABLE,
    Address,
    AddressUnknownError,
    has_address_in,
    is_within,
    public_address,
)
from easel_doctor.finding import Finding, fail, found, unchecked, warn
from easel_doctor.subject import Subject


def look_at_api_address(subject: Subject) -> Finding:
    """Compares this machine's addresses with those that the cluster's API lets in."""
    if kubeconfig := os.environ.get(KUBECONFIG_VARIABLE):
        return found(f"{KUBECONFIG_VARIABLE} leads there: {kubeconfig}")
    private = private_blocks(subject)
    if has_address_in(private):
        return found(f"this machine is in {', '.join(private)}")
    try:
        seen_at = public_address(subject.http)
    except AddressUnknownError as error:
        return found(
            "this machine's public address is not known",
            [unchecked(str(error), f"Say it: {ADDRESS_VARIABLE}=<address> easel doctor ...")],
        )
    return _compared(subject, seen_at)


def private_blocks(subject: Subject) -> tuple[str, ...]:
    """Returns whom the private endpoint lets in; a network that is still to be made has nobody."""
    settings = subject.settings
    return settings.private_blocks or ((settings.own_block,) if subject.is_applied else ())


def _compared(subject: Subject, seen_at: Address) -> Finding:
    settings = subject.settings
    open_to = ", ".join(settings.public_access_cidrs)
    summary = f"this machine is seen at {seen_at}"
    if is_within(seen_at, settings.public_access_cidrs):
        return found(f"{summary}, which public_access_cidrs lets in")
    block = f"{seen_at}/{seen_at.max_prefixlen}"
    remedy = f'cluster = {{ public_access_cidrs = ["{block}"], ... }} in {subject.tfvars}'
    if open_to:
        return found(summary, [fail(f"the cluster's API is open to {open_to} alone", remedy)])
    closed = "the cluster's API is closed to the internet"
    if settings.existing_subnet_ids is None and not subject.is_applied:
        return found(summary, [fail(f"{closed}, and this apply makes its network", remedy)])
    private = ", ".join(private_blocks(subject))
    return found(summary, [warn(f"{closed}; this machine has no address in {private}", remedy)])
