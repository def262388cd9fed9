"""What a document asks for: an API and its parts in wire form, under the names that the document calls them.

Ids are not known before a part is made, so a member that needs one holds a reference: the part's key between NUL
characters, which no member may hold otherwise. `filled` puts the ids in.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gatewayapp.interchange.documents import Document
from gatewayapp.interchange.problems import Problem

ENDPOINT = "ApiEndpoint"
"""The attribute of a reference to an API that stands for its address instead of its id."""


@dataclass(frozen=True, slots=True)
class Part:
    """One resource: its kind, such as `Integration`, its name in the document, and its members in wire form.

    `responses` are a route's or an integration's. A stage's member `deployed` is ours: whether it serves the draft.
    """

    kind: str
    name: str
    members: Document
    place: str = ""
    responses: tuple["Part", ...] = ()

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Definition:
    """An API as a whole."""

    api: Part
    authorizers: tuple[Part, ...] = ()
    models: tuple[Part, ...] = ()
    integrations: tuple[Part, ...] = ()
    routes: tuple[Part, ...] = ()
    stages: tuple[Part, ...] = ()
    tests: tuple[Part, ...] = ()

    @property
    def parts(self) -> Iterator[Part]:
        """All parts but responses and tests, in an order in which they can be made."""
        yield self.api
        for parts in (self.authorizers, self.models, self.integrations, self.routes, self.stages):
            yield from parts

    def mapped(self, change: Callable[[Document], Document]) -> "Definition":
        """The same with `change` applied to the members of every part."""

        def part_of(part: Part) -> Part:
            return replace(part, members=change(part.members), responses=tuple(map(part_of, part.responses)))

        sections = ("authorizers", "models", "integrations", "routes", "stages", "tests")
        parts = {section: tuple(map(part_of, getattr(self, section))) for section in sections}
        return Definition(api=part_of(self.api), **parts)

    def document(self) -> Document:
        """The API's members with lists of its parts', in wire form, references written as `${name}`."""
        sections = ("authorizers", "models", "integrations", "routes", "stages", *(("tests",) if self.tests else ()))
        return _members(self.api) | {name: [_members(part) for part in getattr(self, name)] for name in sections}


@dataclass(frozen=True, slots=True)
class Plan:
    """A document, understood: the API that it defines, and in words what of the document was left out."""

    definition: Definition
    notes: tuple[str, ...] = ()

    def without_stages(self) -> "Plan":
        """The same with the draft only, which nobody serves until it is deployed."""
        return replace(self, definition=replace(self.definition, stages=()))

    def document(self) -> Document:
        """The plan as JSON, for people to look at."""
        return {"api": self.definition.document(), "notes": list(self.notes)}


def reference(kind: str, name: str, attribute: str = "") -> str:
    """What stands in a member for the id (or the attribute) of the part."""
    return f"\0{kind}/{name}\0{attribute}\0"


_REFERENCE = re.compile("\0([^\0]*)\0([^\0]*)\0")


def filled(value: Any, fill: Callable[[str, str], str]) -> Any:
    """`value` with each reference replaced by `fill(key, attribute)`."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: fill(found[1], found[2]), value)
    if isinstance(value, dict):
        return {key: filled(item, fill) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, fill) for item in value]
    return value


def rereferred(value: Any, keys: Mapping[str, str]) -> Any:
    """`value` with references to other keys, where `keys` has others."""
    return filled(value, lambda key, attribute: f"\0{keys.get(key, key)}\0{attribute}\0")


def referred(text: object) -> tuple[str, str] | None:
    """Kind and name of the part whose id the text is, and nothing else; or None."""
    found = _REFERENCE.fullmatch(text) if isinstance(text, str) else None
    if found is None or found[2]:
        return None
    kind, name = found[1].split("/", 1)
    return kind, name


def dangling(definition: Definition) -> list[Problem]:
    """References to what the definition does not hold."""
    keys = {part.key for part in definition.parts}
    problems: list[Problem] = []

    def check(part: Part) -> None:
        def fill(key: str, attribute: str) -> str:
            if key not in keys:
                kind, name = key.split("/", 1)
                problems.append(
                    Problem(part.place, f"It refers to the {kind} {name!r}, which is not part of this API.")
                )
            return ""

        filled(part.members, fill)

    for part in definition.parts:
        check(part)
        for response in part.responses:
            check(response)
    return problems


def _members(part: Part) -> Document:
    members: Document = filled(part.members, lambda key, attribute: f"${{{key.split('/', 1)[1]}}}")
    responses = {f"{part.kind[:1].lower()}{part.kind[1:]}Responses": [_members(item) for item in part.responses]}
    return members | (responses if part.responses else {})
