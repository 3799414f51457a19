"""Which IP addresses belong to the public internet.

An endpoint's name may lead to an address inside the hospital's network, by mistake or because
somebody else controls its DNS. Addresses are checked after the look-up, and the connection goes to
the checked address, so that a second look-up cannot give another one.
"""

import ipaddress
from ipaddress import IPv4Address, IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LOW_32_BITS = 0xFFFFFFFF


def is_public(text: str) -> bool:
    """Whether this address is a public one of a single host, as the IANA registries say."""
    address = _innermost(ipaddress.ip_address(text))
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    if isinstance(address, IPv6Address):
        special = special or address.is_site_local
    return address.is_global and not special


def is_host(text: str) -> bool:
    """Whether this address can be that of one host, public or not."""
    address = _innermost(ipaddress.ip_address(text))
    return not (address.is_multicast or address.is_unspecified)


def _innermost(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address leads to (RFC 4291, 3056, 4380, 6052), else itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & _LOW_32_BITS)
    teredo = None if address.teredo is None else address.teredo[1]
    return address.ipv4_mapped or address.sixtofour or teredo or address
