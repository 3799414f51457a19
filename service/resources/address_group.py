"""What counts as one address where callers are limited or folded by it."""

import ipaddress


def address_group(host: str) -> str:
    """An IPv4 address, or the 64 bits of a network of IPv6, of which one host can use every
    address. What is no address stays as it is."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return str(address)
