"""Addresses as text that sorts by number, so that a database finds those of a network between two keys."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_MAPPED = 0xFFFF << 32


def address_key(address: str) -> str:
    """32 hexadecimal digits, an IPv4 address as the IPv6 address that stands for it (RFC 4291 section 2.5.5.2).

    Empty for what is no address, as of a peer on a Unix socket.
    """
    try:
        return f"{_number(ip_address(address)):032x}"
    except ValueError:
        return ""


def key_range(network: str) -> tuple[str, str]:
    """The first and the last key of a network in CIDR notation, or of a single address. Raises ValueError."""
    parsed = ip_network(network, strict=False)
    return f"{_number(parsed[0]):032x}", f"{_number(parsed[-1]):032x}"


def _number(address: IPv4Address | IPv6Address) -> int:
    return int(address) | _MAPPED if address.version == 4 else int(address)
