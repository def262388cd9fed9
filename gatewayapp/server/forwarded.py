"""X-Forwarded-* headers, believed only when the TCP peer is a trusted proxy; pure functions.

The client is the right-most address that no trusted proxy vouches for: everything left of it may be invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from gatewayapp.server.heads import Headers, values

Networks = tuple[IPv4Network | IPv6Network, ...]
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks, where, and how: ASGI's `client`, `server` and whether the scheme is a secure one."""

    client: Address
    server: Address
    secure: bool


def origin(peer: Origin, headers: Headers, trusted: Networks) -> Origin:
    """What the forwarding headers (lowercase names) make of `peer`; `peer` itself if it is not trusted."""
    if not trusted or not _is_trusted(peer.client[0], trusted):
        return peer
    client = _client(values(headers, b"x-forwarded-for"), trusted)
    port = _last(values(headers, b"x-forwarded-port"))
    proto = _last(values(headers, b"x-forwarded-proto")).lower()
    return Origin(
        client=(client, 0) if client else peer.client,
        server=(peer.server[0], int(port)) if port.isdecimal() and 0 < int(port) < 65536 else peer.server,
        secure=proto in ("https", "wss") if proto in ("http", "https", "ws", "wss") else peer.secure,
    )


def _client(chain: list[bytes], trusted: Networks) -> str | None:
    """The right-most untrusted address, else the left-most of a chain that is trusted all along."""
    client = None
    for part in reversed(b",".join(chain).decode("latin-1").split(",")):
        address = _address(part.strip())
        if address is None:
            return client
        client = address
        if not _is_trusted(address, trusted):
            return client
    return client


def _address(text: str) -> str | None:
    """An address without its port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def _is_trusted(host: str, trusted: Networks) -> bool:
    try:
        address: IPv4Address | IPv6Address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:  # an IPv4 peer of a socket that listens on ::
        address = address.ipv4_mapped
    return any(address in network for network in trusted)


def _last(found: list[bytes]) -> str:
    return found[-1].decode("latin-1").rpartition(",")[2].strip() if found else ""
