"""Which addresses are on the public Internet.

A list of one's own, from IANA's special-purpose registries (RFC 6890 and its updates): `is_global`
of Python's `ipaddress` says other things in each version, and yes where nobody said no. IPv6 is
allowed where unicast addresses are given out, and nowhere else.
"""

import ipaddress

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_SPECIAL_IPV4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carrier-grade NAT
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local: the metadata service and a pod's credentials
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # multicast tunnels
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_SPECIAL_IPV6 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4 carries an IPv4 address
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)

_CARRIES_IPV4 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "::ffff:0:0/96",  # mapped: the system connects to the IPv4 address
            "64:ff9b::/96",  # NAT64 (RFC 6052): a gateway does; AWS's DNS64 answers with these
        ),
    )
)
"""IPv6 ranges whose last four bytes are the IPv4 address that is really reached."""


def is_public(address: IpAddress) -> bool:
    """Whether an address is on the public Internet.

    Not public: private, loopback, link-local (the metadata service among them), carrier-grade NAT,
    multicast, documentation, reserved and unspecified ones, every IPv6 address outside 2000::/3,
    and IPv6 forms that carry an IPv4 address which is not public.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in special for special in _SPECIAL_IPV4)
    if any(address in carrying for carrying in _CARRIES_IPV4):
        return is_public(ipaddress.IPv4Address(address.packed[-4:]))
    return address in _GLOBAL_UNICAST and not any(address in special for special in _SPECIAL_IPV6)
