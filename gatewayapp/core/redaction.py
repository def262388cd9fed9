"""Leaving secrets out of what is kept or shown of a configuration: fixed values under names that secrets go by.

Only members whose names or values users choose can hold one. What merely points at a value (`route.request…`) stays.
"""

import re
from collections.abc import Mapping
from typing import Any

from gatewayapp.core.masking import REDACTED, SECRET_NAMES

_SECRET_NAME = re.compile(SECRET_NAMES, re.IGNORECASE)
_NAMED_BY_USERS = ("requestParameters", "responseParameters", "stageVariables")
_POINTERS = ("route.", "method.", "context.", "stageVariables.", "integration.", "$")
_QUERY_VALUE = re.compile(r"(?P<name>[^?&=#]+)=(?P<value>[^&#]+)")


def redacted(document: Mapping[str, Any]) -> dict[str, Any]:
    """A resource's wire form without the secrets that can be told by their names."""
    return {name: _redacted_member(name, value) for name, value in document.items()}


def redacted_headers(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Header fields without the values of those that carry credentials."""
    return tuple((name, REDACTED if is_secret_name(name) else value) for name, value in headers)


def redacted_url(url: str) -> str:
    """A URL, or a request target, without the values of query fields that carry credentials."""
    path, question, query = url.partition("?")
    return path + question + _QUERY_VALUE.sub(_redacted_field, query)


def is_secret_name(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _redacted_member(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [redacted(item) if isinstance(item, Mapping) else item for item in value]
    if name in _NAMED_BY_USERS and isinstance(value, Mapping):
        return {key: _redacted_value(key, item) for key, item in value.items()}
    if name == "integrationUri" and isinstance(value, str):
        return redacted_url(value)
    return value


def _redacted_value(name: str, value: Any) -> Any:
    is_fixed = isinstance(value, str) and bool(value) and not value.startswith(_POINTERS)
    return REDACTED if is_fixed and is_secret_name(name) else value


def _redacted_field(field: re.Match[str]) -> str:
    is_fixed = not field["value"].startswith(("$", "{"))
    return f"{field['name']}={REDACTED}" if is_fixed and is_secret_name(field["name"]) else field[0]
