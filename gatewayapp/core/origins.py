"""Which web pages may open a connection: a handshake's Origin against a stage's list (RFC 6454, RFC 6455 10.2).

Browsers send cookies along from any page; so where a stage has no list, a handshake with cookies is taken only from
the gateway's own host. A client that sends no Origin is not a browser and is let in unless the stage requires one.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

ANY = "*"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(
    r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:.]+\]|[^\s/?#@:\[\]\\]+)(?::([1-9][0-9]{0,4}))?", re.IGNORECASE | re.ASCII
)


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


def is_same_host(origin: str, host: str) -> bool:
    """Whether `origin` is a page of `host` (a Host header), by http or https: a proxy may hide which of the two."""
    parsed = _parse(origin)
    return parsed is not None and parsed.scheme in _DEFAULT_PORTS and _same_host(origin, host, parsed.scheme)


def _same_host(origin: str, host: str, scheme: str) -> bool:
    parsed, own = _parse(origin), _parse(f"{scheme}://{host}")
    return parsed is not None and parsed == own


def _parse(origin: str) -> _Origin | None:
    """An origin's parts in lower case with the port spelled out; None for `null` and what is none."""
    found = _ORIGIN.fullmatch(origin)
    if found is None:
        return None
    scheme, host, port = found.groups()
    return _Origin(scheme.lower(), host.lower(), int(port) if port else _DEFAULT_PORTS.get(scheme.lower(), 0))
