"""What differs between two deployments, or a deployment and the draft: told resource by resource, member by member.

Documents are those of `core.snapshot`. Routes, models and authorizers are the same where their names are, whatever
their ids; integrations are told apart by their ids, which is all that they have.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MemberChange:
    """A member before and after; None where it is not set."""

    member: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Change:
    """A resource that was `added`, `removed` or `changed`; `members` are those that differ."""

    action: str
    kind: str
    key: str
    members: tuple[MemberChange, ...]


def diff(before: Document, after: Document) -> tuple[Change, ...]:
    """The changes that lead from one snapshot to the other, in an order that depends on names alone."""
    old, new = _resources(before), _resources(after)
    changes = (_change(name, old.get(name, {}), new.get(name, {})) for name in sorted({*old, *new}))
    return tuple(change for change in changes if change is not None)


def _change(name: tuple[str, str], before: Document, after: Document) -> Change | None:
    members = tuple(
        MemberChange(member, before.get(member), after.get(member))
        for member in sorted({*before, *after})
        if before.get(member) != after.get(member)
    )
    if not members:
        return None
    return Change("added" if not before else "changed" if after else "removed", *name, members)


def _resources(snapshot: Document) -> dict[tuple[str, str], Document]:
    """Every resource of a snapshot by its kind and key."""
    return {(kind, key): _own_members(document) for kind, key, document in _named(snapshot)}


def _named(snapshot: Document) -> Iterator[tuple[str, str, Document]]:
    yield "Api", snapshot["api"]["apiId"], snapshot["api"]
    for route in snapshot["routes"]:
        yield "Route", route["routeKey"], route
        for response in route["routeResponses"]:
            yield "RouteResponse", f"{route['routeKey']} {response['routeResponseKey']}", response
    for integration in snapshot["integrations"]:
        key = integration["integrationId"]
        yield "Integration", key, integration
        for response in integration["integrationResponses"]:
            yield "IntegrationResponse", f"{key} {response['integrationResponseKey']}", response
    for model in snapshot["models"]:
        yield "Model", model["name"], model
    for authorizer in snapshot["authorizers"]:
        yield "Authorizer", authorizer["name"], authorizer


_NOT_COMPARED = (
    "integrationResponseId",
    "integrationResponses",
    "modelId",
    "routeId",
    "routeResponseId",
    "routeResponses",
)


def _own_members(document: Document) -> Document:
    return {name: value for name, value in document.items() if name not in _NOT_COMPARED}
