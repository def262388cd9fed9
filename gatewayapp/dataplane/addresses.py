"""Addresses: which API and stage a host and a path mean.

By host, as on AWS: `{apiId}.execute-api.{anything}/{stage}`. By path, for localhost: `host/ws/{apiId}/{stage}`.
`requestContext.domainName` is such that `domainName + "/" + stage` is the base of `@connections` under the same form.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from django.http.request import split_domain_port, validate_host

_API_HOST = re.compile(r"([a-z0-9]{10})\.execute-api\.[a-z0-9.-]+(?::\d+)?", re.IGNORECASE)
_LONGEST_HOST = 259
"""A name of 253 characters (RFC 1035 section 2.3.4) and a port."""
_REMEMBERED_PATH = 256
_STAGE = r"(?P<stage>[A-Za-z0-9_-]{1,128})"
_HOST_FORM = re.compile(rf"/{_STAGE}(?P<rest>/.*)?", re.DOTALL)
_PATH_FORM = re.compile(rf"/ws/(?P<api_id>[a-z0-9]{{10}})/{_STAGE}(?P<rest>/.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """An API and a stage (not necessarily existing ones), and what follows them in the path, still encoded."""

    api_id: str
    stage: str
    domain_name: str
    rest: str
    connection_id: str | None
    """The connection that `@connections` is asked for, None where the path is another."""


class UnknownHost(Exception):
    """The Host header names neither an API nor a host that this gateway answers for."""


def is_gateway_address(host: str, path: str) -> bool:
    """Whether a request is the data plane's to answer: everything else on the host is Django's."""
    return path.startswith("/ws/") or _API_HOST.fullmatch(host) is not None


class Addresses:
    """Reads addresses for a gateway that answers for the hosts `allowed` (as Django's ALLOWED_HOSTS).

    `domain_name`, a template with `{api_id}`, is what events call the gateway; empty: the host that the client used.
    """

    def __init__(self, allowed: Sequence[str], domain_name: str) -> None:
        self._allowed = tuple(allowed)
        self._domain_name = domain_name
        self._remembered = lru_cache(maxsize=8192)(self._find)

    def find(self, host: str, path: str) -> Address | None:
        """The API and stage that `host` (a Host header) and `path` (raw) mean, None where the path names none.

        Raises UnknownHost: events and callbacks are built from the host, so it must be one that we answer for.
        """
        if len(host) > _LONGEST_HOST:
            raise UnknownHost(host)
        # Backends push to the same connections again and again; what is longer than such a path is not kept.
        return (self._remembered if len(path) <= _REMEMBERED_PATH else self._find)(host, path)

    def _find(self, host: str, path: str) -> Address | None:
        api_host = _API_HOST.fullmatch(host)
        found = (_HOST_FORM if api_host else _PATH_FORM).fullmatch(path)
        if api_host is None and not self._is_own(host):
            raise UnknownHost(host)
        if found is None:
            return None
        api_id = api_host[1].lower() if api_host else found["api_id"]
        domain_name = host if api_host else f"{host}/ws/{api_id}"
        if self._domain_name:
            domain_name = self._domain_name.replace("{api_id}", api_id)
        rest = found["rest"] or ""
        return Address(api_id, found["stage"], domain_name, rest, _connection_id(rest))

    def _is_own(self, host: str) -> bool:
        domain, _ = split_domain_port(host)
        return bool(domain) and validate_host(domain, self._allowed)


def _connection_id(rest: str) -> str | None:
    """The connection id in `/@connections/{id}`, however much of it is percent-encoded."""
    found = re.fullmatch(r"/(?:@|%40)connections/([^/]*)", rest)
    return unquote(found[1]) if found else None
