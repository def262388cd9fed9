"""Which web pages may open a connection: a handshake's Origin against a stage's list (RFC 6454, RFC 6455 10.2).

Browsers send cookies along from any page; so where a stage has no list, a handshake with cookies is taken only from
the gateway's own host. A client that sends no Origin is not a browser and is let in unless the stage requires one.
"""

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

ANY = "*"
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class _Origin(NamedTuple):
    scheme: str
    host: str
    port: int


def origin_allowed(
    origin: str | None, host: str, *, has_cookies: bool, allowed: Iterable[str], required: bool, scheme: str
) -> bool:
    """Whether a handshake to `host` (its Host header; `scheme` is http or https) may come from `origin`."""
    if origin is None:
        return not required
    listed = tuple(allowed)
    if not listed:
        return not has_cookies or _same_host(origin, host, scheme)
    parsed = _parse(origin)
    return any(entry == ANY or (parsed is not None and _parse(entry) == parsed) for entry in listed)


def _same_host(origin: str, host: str, scheme: str) -> bool:
    parsed, own = _parse(origin), _parse(f"{scheme}://{host}")
    return parsed is not None and parsed == own


def _parse(origin: str) -> _Origin | None:
    """An origin's parts in lower case with the port spelled out; None for `null` and what is none."""
    try:
        parts = urlsplit(origin)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    if not parts.hostname or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    return _Origin(parts.scheme, parts.hostname, port)
