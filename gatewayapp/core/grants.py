"""Translates an access key's permissions into those of roles, to compare them with what its creator holds.

The comparison errs on the safe side: a resource pattern that does not begin with one API's id counts as a pattern for
all APIs, present and future.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from gatewayapp.core.roles import UNRESTRICTED, Access, Permission

_CONNECTIONS = frozenset({Permission.READ_CONNECTIONS, Permission.WRITE_CONNECTIONS})
_READ_APIS = frozenset({Permission.READ_APIS})
_WRITE_APIS = frozenset({Permission.READ_APIS, Permission.WRITE_APIS})

_API_ID = r"([a-z0-9]{10})(?:[/*?]|\Z)"
"""All ids have ten characters, so an id before a wildcard is the only one that matches."""
_OF_ONE_API = {"execute-api": re.compile(_API_ID), "apigateway": re.compile(f"/apis/{_API_ID}")}
"""How the pattern of one API's resources begins, by service."""
_OF_ANY = {"execute-api": re.compile("[^/]"), "apigateway": re.compile("[/*?]")}
"""How a pattern begins that matches any resource of the service."""


def access_of_key(permissions: Iterable[Mapping[str, str]]) -> Access:
    """What a key with `permissions`, `{"action", "resource"}` as in core.policy, lets its holder do."""
    everywhere: set[Permission] = set()
    on_apis: defaultdict[str, set[Permission]] = defaultdict(set)
    for permission in permissions:
        reached = {service: _api_of(service, permission["resource"]) for service in _OF_ONE_API}
        if permission["action"] == "*" and set(reached.values()) == {""}:
            return UNRESTRICTED  # what there is to come, too
        for service, api_id in reached.items():
            needed = _needed(service, permission["action"].lower())
            if api_id is not None:
                (on_apis[api_id] if api_id else everywhere).update(needed)
    return Access(frozenset(everywhere), {api_id: frozenset(needed) for api_id, needed in on_apis.items() if needed})


def _needed(service: str, action: str) -> frozenset[Permission]:
    """What allows all that an action, or a pattern of actions, does on the service's resources."""
    if action != "*" and not action.startswith(f"{service}:"):
        return frozenset()
    if service == "execute-api":
        return _CONNECTIONS
    return _READ_APIS if action == "apigateway:get" else _WRITE_APIS


def _api_of(service: str, resource: str) -> str | None:
    """The one API whose resources of the service match, "" where that may be any, None where none can match."""
    if resource.startswith("arn:"):
        parts = resource.split(":", 5)
        if len(parts) < 6:
            return ""  # such as arn:aws:*, whose wildcard covers the rest
        if parts[2] != service and not {"*", "?"} & set(parts[2]):
            return None
        resource = parts[5]
    found = _OF_ONE_API[service].match(resource)
    if found is not None:
        return found[1]
    return "" if _OF_ANY[service].match(resource) else None
