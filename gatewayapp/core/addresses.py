"""Where outbound calls may go: which URLs are well-formed, which addresses may be dialled.

A name is judged by the address it resolves to, never by its spelling: every look-up is checked with `refusal` and
exactly the checked address is dialled. Cloud metadata services hand out credentials and are refused always.
"""

import re
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import quote

from gatewayapp.core.messages import Origin

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

ANYWHERE: tuple[Network, ...] = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))
LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


@dataclass(frozen=True, slots=True)
class Policy:
    """The networks that are not public but may be dialled all the same."""

    allow: tuple[Network, ...] = ()


def refusal(address: str, policy: Policy) -> str | None:
    """Why `address`, an IP address as a resolver gives it, may not be dialled; None if it may.

    An IPv4 address inside an IPv6 one (RFC 4291 mapped, RFC 6052 NAT64) is judged as the IPv4 address it leads to.
    """
    try:
        judged = _effective(ip_address(address))
    except ValueError:
        return "is not an IP address"
    if any(candidate in network for candidate in _readings(judged) for network in _of_version(METADATA, candidate)):
        return "is a cloud metadata service, which is never called"
    if any(judged in network for network in _of_version(policy.allow, judged)):
        return None
    kind = _special_use(judged)
    return f"is {kind}, outside the networks that outbound calls may reach" if kind else None


def parse_url(text: str) -> tuple[Origin, str]:
    """The origin and the request target (path and query, percent-encoded) of an absolute http or https URL.

    The fragment is dropped. Raises ValueError with a sentence that says what is wrong.
    """
    match = _URL.fullmatch(text)
    if match is None:
        raise ValueError("A URL must start with http:// or https:// and name a host.")
    scheme = match["scheme"].lower()
    host, port = _host_and_port(match["authority"])
    origin = Origin(scheme, host, _DEFAULT_PORTS[scheme] if port is None else port)
    if not 1 <= origin.port <= 65535:
        raise ValueError(f"Port {origin.port} is not between 1 and 65535.")
    if origin.port in BAD_PORTS:
        raise ValueError(f"Port {origin.port} belongs to another protocol than HTTP and is refused.")
    return origin, _target(match["target"])


def authority(origin: Origin) -> str:
    """The origin as it stands in a Host header: without the scheme's own port, IPv6 addresses in brackets."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return host if origin.port == _DEFAULT_PORTS[origin.scheme] else f"{host}:{origin.port}"


def host_name(text: str) -> str:
    """The name in lower-case ASCII, IDNA-encoded (RFC 3490), without the root's trailing dot.

    Raises ValueError with a sentence if it cannot be a host's.
    """
    try:
        name = text if text.isascii() else text.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError(f"{text!r} is not a host name that can be encoded for the DNS.") from None
    name = name.lower().removesuffix(".")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{text!r} is not a host name: letters, digits, hyphens and dots, at most 63 between dots.")
    return name


METADATA: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "169.254.169.0/24",  # AWS, Azure, Google, Oracle, DigitalOcean, OpenStack and others
        "169.254.170.0/24",  # AWS: credentials of ECS tasks and EKS pods
        "169.254.0.23/32",  # Tencent
        "169.254.42.42/32",  # Scaleway
        "168.63.129.16/32",  # Azure's host
        "100.100.100.200/32",  # Alibaba
        "192.0.0.192/32",  # Oracle, classic
        "fd00:ec2::/32",  # AWS
        "fd20:ce::/32",  # Google
        "fd00:42::42/128",  # Scaleway
        "fe80::a9fe:a9fe/128",  # OpenStack
    )
)

_SPECIAL_USE: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(text), kind)
    for text, kind in (
        # IANA, IPv4 Special-Purpose Address Registry
        ("0.0.0.0/8", "an unspecified address"),
        ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "an address shared behind a carrier's NAT"),
        ("127.0.0.0/8", "a loopback address"),
        ("169.254.0.0/16", "a link-local address"),
        ("172.16.0.0/12", "a private address"),
        ("192.0.0.0/24", "an address for protocol assignments"),
        ("192.0.2.0/24", "a documentation address"),
        ("192.88.99.0/24", "a relay for 6to4"),
        ("192.168.0.0/16", "a private address"),
        ("198.18.0.0/15", "a benchmarking address"),
        ("198.51.100.0/24", "a documentation address"),
        ("203.0.113.0/24", "a documentation address"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
        # IANA, IPv6 Special-Purpose Address Registry; what is not in 2000::/3 is not global unicast
        ("::/128", "an unspecified address"),
        ("::1/128", "a loopback address"),
        ("64:ff9b:1::/48", "an address translated into a private network"),
        ("fc00::/7", "a private address"),
        ("fe80::/10", "a link-local address"),
        ("ff00::/8", "a multicast address"),
        ("::/3", "a reserved address"),
        ("4000::/2", "a reserved address"),
        ("8000::/1", "a reserved address"),
        ("2001::/32", "a Teredo tunnel"),
        ("2001:2::/48", "a benchmarking address"),
        ("2001:db8::/32", "a documentation address"),
        ("2001::/23", "an address for protocol assignments"),
        ("2002::/16", "a 6to4 tunnel"),
        ("3fff::/20", "a documentation address"),
    )
)

BAD_PORTS = frozenset(
    (
        *(1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104),
        *(109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515),
        *(526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049),
        *(3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080),
    )
)
"""The "bad ports" of the WHATWG Fetch standard: services that could take an HTTP request for their own protocol."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]+)(?P<target>[^#]*)(?:#.*)?", re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(r"(?:\[(?P<v6>[^\]]*)\]|(?P<name>[^:\[\]]+))(?::(?P<port>[0-9]{0,5}))?")
_NAME = re.compile(r"(?!.{254})[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_SAFE_IN_TARGET = "!$%&'()*+,/:;=?@[]~"

_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = IPv6Network("::/96")


def _of_version(networks: tuple[Network, ...], address: Address) -> list[Network]:
    return [network for network in networks if network.version == address.version]


def _effective(address: Address) -> Address:
    """The address that a packet to `address` arrives at."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return _low_bits(address)
    return address


def _readings(address: Address) -> list[Address]:
    """The address and whatever IPv4 addresses tunnels and translators may read out of it."""
    if isinstance(address, IPv4Address):
        return [address]
    found: list[Address] = [address]
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    if address.teredo is not None:
        found.extend(address.teredo)
    if address in _COMPATIBLE:
        found.append(_low_bits(address))
    if address in _NAT64_LOCAL:
        found.extend(_translated(address))
    return found


def _low_bits(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFF_FFFF)


def _translated(address: IPv6Address) -> list[IPv4Address]:
    """The IPv4 address for each length of prefix inside 64:ff9b:1::/48; bits 64 to 71 are skipped (RFC 6052, 2.2)."""
    octets = address.packed
    without_u = octets[:8] + octets[9:]
    return [IPv4Address(without_u[start : start + 4]) for start in (6, 7, 8)] + [_low_bits(address)]


def _special_use(address: Address) -> str | None:
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return "a link-local address"
    return next(
        (kind for network, kind in _SPECIAL_USE if network.version == address.version and address in network), None
    )


def _host_and_port(authority: str) -> tuple[str, int | None]:
    if "@" in authority:
        raise ValueError("A URL must not carry a user name or a password; send credentials in a header.")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise ValueError(f"{authority!r} is not a host with an optional port.")
    host = _ipv6_host(match["v6"]) if match["v6"] is not None else host_name(match["name"])
    return host, int(match["port"]) if match["port"] else None


def _ipv6_host(text: str) -> str:
    if "%" in text:
        raise ValueError("An IPv6 address in a URL must not name a zone.")
    try:
        return str(IPv6Address(text))
    except ValueError:
        raise ValueError(f"[{text}] is not an IPv6 address.") from None


def _target(text: str) -> str:
    target = quote(text, safe=_SAFE_IN_TARGET, errors="replace")
    return target if target.startswith("/") else f"/{target}"
