"""Which addresses may be connected to on behalf of a user: those of the public Internet. Pure.

Several IPv6 networks carry an IPv4 address inside and are led to it by a gateway, so that one counts as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = 0x5EFE  # the third quarter of such an address, with or without its bit for "globally unique"
# Global by some Python's tables, and nobody's web server: relays, protocols, site-local, NAT64 of one's own.
_NEVER: tuple[Network, ...] = (
    IPv4Network("192.88.99.0/24"),
    IPv4Network("192.0.0.0/24"),
    IPv6Network("fec0::/10"),
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("3fff::/20"),
)


def may_connect(text: str, allowed: Sequence[Network] = ()) -> bool:
    """Tell whether an address, as a resolver gives it, is public or in one of the `allowed` networks.

    What is no address is not.
    """
    try:
        address = ip_address(text.partition("%")[0])  # an interface's name behind it: link-local anyway
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address.version == network.version and address in network for network in allowed):
        return True
    return all(map(_is_public, (address, *_embedded(address))))


def _is_public(address: Address) -> bool:
    if any(address.version == network.version and address in network for network in _NEVER):
        return False
    if isinstance(address, IPv6Address) and address in _NAT64:
        return True  # reserved, and leads where the address inside says
    is_special = (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
    )
    return address.is_global and not is_special


def _embedded(address: Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses inside an IPv6 address: of 6to4, Teredo (server and client), NAT64, ISATAP."""
    if isinstance(address, IPv4Address):
        return
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _NAT64 or (int(address) >> 32) & 0xFDFFFFFF == _ISATAP:
        yield IPv4Address(int(address) & 0xFFFFFFFF)
