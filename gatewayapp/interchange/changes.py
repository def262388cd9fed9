"""What an import changes, told by comparing an API before and after."""

from collections.abc import Iterator
from dataclasses import dataclass

from gatewayapp.interchange.documents import Document
from gatewayapp.interchange.plans import Definition, Part


@dataclass(frozen=True, slots=True)
class Change:
    """One resource that an import makes, changes or deletes; `members` are those that differ."""

    action: str
    kind: str
    name: str
    members: tuple[str, ...] = ()

    def __str__(self) -> str:
        members = f": {', '.join(self.members)}" if self.members else ""
        return f"{self.action} {self.kind} {self.name}{members}"

    def document(self) -> Document:
        return {"action": self.action, "kind": self.kind, "name": self.name, "members": list(self.members)}


def compare(before: Definition | None, after: Definition) -> tuple[Change, ...]:
    """The changes from `before` (None: there was no such API) to `after`."""
    return tuple(_changes(_keyed(before), _keyed(after)))


def _keyed(definition: Definition | None) -> dict[str, Part]:
    """Parts by key; the API has the same one under any name."""
    parts = (*definition.parts, *definition.tests) if definition else ()
    return {"Api" if part.kind == "Api" else part.key: part for part in parts}


def _changes(before: dict[str, Part], after: dict[str, Part]) -> Iterator[Change]:
    for key, part in after.items():
        if key not in before:
            yield Change("create", part.kind, part.name)
        elif members := _differing(before[key], part):
            yield Change("update", part.kind, part.name, members)
    for key, part in before.items():
        if key not in after:
            yield Change("delete", part.kind, part.name)


def _differing(before: Part, after: Part) -> tuple[str, ...]:
    names = sorted({*before.members, *after.members})
    members = [name for name in names if before.members.get(name) != after.members.get(name)]
    if before.responses != after.responses:
        members.append("responses")
    return tuple(members)
