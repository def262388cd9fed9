"""Changes for people: which resource, and of each member what it was and what it is."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gatewayapp.core.told import Told
from gatewayapp.models.redaction import redactor

_TONES = {"added": "good", "removed": "bad", "changed": "info"}


@dataclass(frozen=True, slots=True)
class Line:
    """A member before and after, as text; empty where it is not set."""

    member: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Item:
    """A change as a sentence, with the members that differ."""

    word: str
    tone: str
    sentence: str
    lines: tuple[Line, ...]


def items(changes: Iterable[Told]) -> list[Item]:
    """Secrets are left out."""
    return [
        Item(
            told.change.action,
            _TONES[told.change.action],
            told.sentence,
            tuple(
                Line(each.member, _text_of(each.member, each.before), _text_of(each.member, each.after))
                for each in told.change.members
            ),
        )
        for told in changes
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


def _text_of(member: str, value: Any) -> str:
    return text(redactor().member(member, value))
