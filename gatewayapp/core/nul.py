"""Finds NUL characters in text: PostgreSQL cannot store them, and no field of Nopal accepts them."""

from typing import Any

import orjson

_ESCAPED = b"\\u0000"


def contains_nul(value: Any) -> bool:
    """Whether a string anywhere in a value of JSON's types contains a NUL; names of members count, too."""
    level = [value]
    while level:
        below: list[Any] = []
        for each in level:
            if isinstance(each, str):
                if "\0" in each:
                    return True
            elif isinstance(each, dict):
                below += each.keys()
                below += each.values()
            elif isinstance(each, list):
                below += each
        level = below
    return False


def json_contains_nul(text: bytes) -> bool:
    """Whether a string of a JSON text contains a NUL. False for invalid JSON; in JSON only an escape can be one."""
    if _ESCAPED not in text:
        return False
    try:
        return contains_nul(orjson.loads(text))
    except orjson.JSONDecodeError:
        return False


def target_contains_nul(path: str, query_string: str) -> bool:
    """Whether a URL contains a NUL; `path` is decoded, `query_string` is percent-encoded."""
    return "\0" in path or "%00" in query_string or "\0" in query_string
