"""Keeps web pages that are open in a browser on this machine away from what listens on it.

A page may send simple requests to 127.0.0.1, and with a name of its own that resolves there (DNS
rebinding) it may read the answers too. A browser says where a request comes from: by Host, Origin
(https://fetch.spec.whatwg.org/#origin-header) and Sec-Fetch-Site
(https://w3c.github.io/webappsec-fetch-metadata/). The programs that are meant send none of the
last two.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"
"""The only address that easel listens on, unless told otherwise."""

_LOOPBACK_NAMES = frozenset({LOOPBACK, "localhost"})
_OWN_SITES = frozenset({"none", "same-origin"})
"""What a browser sends for an address that a person typed, and for a page of the server's own."""

_MAX_SHOWN = 100


def foreign_request(
    headers: Mapping[str, str], *, own_pages: bool = False, any_host: bool = False
) -> str | None:
    """Says why a request is refused; None where it is not.

    Args:
        headers: the request's, by their names in lower case.
        own_pages: whether the pages of the server's own origin are served, as a runtime's are.
        any_host: whether other names than this machine's own are served, for a server that was told
            to listen on another address.

    Returns:
        One sentence for a person.
    """
    host = headers.get("host", "")
    # Any port: a browser always sends the one that it connects to, and a proxy of ours passes on
    # what its client sent, as it is signed.
    name, colon, port = host.partition(":")
    known = name.lower() in _LOOPBACK_NAMES and (not colon or (port.isascii() and port.isdigit()))
    if not (known or any_host):
        return (
            f"Host {host[:_MAX_SHOWN]!a} is not this machine's: only 127.0.0.1 and localhost are "
            "served."
        )
    # An emulator's own too: what it serves may be a page that somebody else has written.
    if "origin" in headers and not (own_pages and urlsplit(headers["origin"]).netloc == host):
        return "Web pages are not served: the request has an Origin."
    site = headers.get("sec-fetch-site", "none")
    if site.lower() not in _OWN_SITES:
        return "Web pages are not served: the request comes from another site."
    return None
