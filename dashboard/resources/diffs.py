"""Changes for people: which resource, and of each member what it was and what it is."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gatewayapp.core.diff import Change

_WORDS = {"added": "Added", "removed": "Removed", "changed": "Changed"}
_TONES = {"added": "good", "removed": "bad", "changed": "info"}


@dataclass(frozen=True, slots=True)
class Line:
    """A member before and after, as text; empty where it is not set."""

    member: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Told:
    """A change in words."""

    word: str
    tone: str
    kind: str
    name: str
    lines: tuple[Line, ...]


def told(changes: Iterable[Change]) -> list[Told]:
    return [
        Told(
            _WORDS[change.action],
            _TONES[change.action],
            _spaced(change.kind),
            change.key,
            tuple(Line(each.member, text(each.before), text(each.after)) for each in change.members),
        )
        for change in changes
    ]


def lines_between(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> tuple[Line, ...]:
    """What differs between two documents; maps inside them are told key by key."""
    old, new = _flat(before or {}), _flat(after or {})
    return tuple(
        Line(name, text(old.get(name)), text(new.get(name)))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )


def text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _spaced(kind: str) -> str:
    """`RouteResponse` as it is read: `route response`."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in kind).strip()
    return "API" if kind == "Api" else words
