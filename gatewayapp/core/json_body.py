"""A message's text as JSON, bounded so that hostile documents stay cheap; values spelled as API Gateway spells them.

Strict JSON only. More than 64 levels, more than 10,000 members, NaN, half a surrogate pair or a number beyond the range
of doubles (RFC 8259 section 6): the text counts as "not JSON" and takes the `$default` route. Numbers keep the digits
they were sent with.
"""

import json
from collections.abc import Iterator
from typing import Any

import orjson

MAX_DEPTH = 64
MAX_MEMBERS = 10_000


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Any = _Absent()
"""What a path finds where there is nothing; JSON's null is None."""

_RELEASED: Any = object()

Path = tuple[str | int, ...]
"""Steps into a document: member names, list indexes, or `*` for all (as `ALL`)."""

ALL = -1
"""The list index of a path's wildcard; JSON lists have no negative indexes."""


class Body:
    """A message's text and, once, what it says as JSON (`ABSENT` where it is not JSON)."""

    __slots__ = ("text", "value")

    def __init__(self, text: str) -> None:
        self.text = text
        self.value = parse(text)

    def release(self) -> None:
        """Free the parsed document, which can be many times larger than its text; it is parsed again when asked for."""
        self.value = _RELEASED

    def select(self, path: Path) -> str | None:
        """The value at `path` as text, None where there is nothing or null."""
        value = self.value
        if value is _RELEASED:
            value = self.value = parse(self.text)
        if type(value) is not dict:
            return None
        value = find(value, path) if len(path) > 1 or path[0] == ALL else value.get(path[0], ABSENT)
        if type(value) is str:
            return value
        if value is ABSENT or value is None:
            return None
        if _holds_inexact_number(value):
            value = find(_parse_exactly(self.text), path)
        return stringify(value)


def parse(text: str) -> Any:
    """The document that `text` spells, or ABSENT. White space and a byte order mark around it are allowed."""
    if text.startswith("\ufeff"):
        text = text[1:]
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return ABSENT
    # Counting characters bounds depth and members from above; few documents need the exact look.
    is_flat = text.rfind("{") < 1 and "[" not in text
    if not is_flat and text.count("{") + text.count("[") > MAX_DEPTH and _depth_exceeds(value, MAX_DEPTH):
        return ABSENT
    if len(text) > MAX_MEMBERS and text.count(":") > MAX_MEMBERS and _members(value) > MAX_MEMBERS:
        return ABSENT
    return value


def find(value: Any, path: Path) -> Any:
    """What stands at `path` in a document; a wildcard collects into a list. ABSENT where there is nothing."""
    for position, step in enumerate(path):
        if step == ALL and isinstance(step, int):
            rest = path[position + 1 :]
            found = [find(child, rest) for child in _children(value)]
            return [child for child in found if child is not ABSENT] or ABSENT
        if isinstance(step, str):
            value = value.get(step, ABSENT) if isinstance(value, dict) else ABSENT
        else:
            value = value[step] if isinstance(value, list) and step < len(value) else ABSENT
        if value is ABSENT:
            return ABSENT
    return value


def stringify(value: Any) -> str:
    """A JSON value as selection expressions and mappings see it: lists as `[a, b]`, objects as `{k=v}`."""
    if isinstance(value, str):
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return "null"
    if isinstance(value, list):
        return "[" + ", ".join(map(stringify, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={stringify(member)}" for name, member in value.items()) + "}"
    return str(value)


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _nodes(value: Any) -> Iterator[tuple[Any, int]]:
    """Every list and object of a document with its depth, without recursion."""
    pending = [(value, 1)]
    while pending:
        node, depth = pending.pop()
        if isinstance(node, dict | list):
            yield node, depth
            pending.extend((child, depth + 1) for child in _children(node))


def _depth_exceeds(value: Any, limit: int) -> bool:
    return any(depth > limit for _, depth in _nodes(value))


def _members(value: Any) -> int:
    return sum(len(node) for node, _ in _nodes(value) if isinstance(node, dict))


def _holds_inexact_number(value: Any) -> bool:
    # orjson reads fractions, and integers over 64 bits, as floats: their digits have to be read again.
    if isinstance(value, float):
        return True
    return isinstance(value, dict | list) and any(
        isinstance(child, float) for node, _ in _nodes(value) for child in _children(node)
    )


def _parse_exactly(text: str) -> Any:
    return json.loads(text.removeprefix("\ufeff"), parse_int=str, parse_float=str)
