"""The difference of two snapshots in words, each change with the node of the picture that it is about.

Changes route send: leads to POST http://b.example/in instead of POST http://a.example/in.
Makes route send two-way.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gatewayapp.core.diff import Change, MemberChange, diff
from gatewayapp.core.graph import SELECTOR, title_of
from gatewayapp.core.redaction import Redactor

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """A change as a sentence that says what carrying it out does; `node` is a key of `core.graph`, or empty."""

    change: Change
    node: str
    sentence: str


def tell(before: Document, after: Document, redactor: Redactor) -> tuple[Told, ...]:
    """Every change that leads from one snapshot to the other. Secrets are left out of sentences."""
    words = _Words(before, after, redactor)
    return tuple(Told(change, words.node(change), words.sentence(change)) for change in diff(before, after))


class _Words:
    """Names for what a change's key and members only name by ids; where both snapshots have one, the later one's."""

    def __init__(self, before: Document, after: Document, redactor: Redactor) -> None:
        self._redactor = redactor
        both = (before, after)
        self._routes = {route["routeKey"]: route["routeId"] for each in both for route in each["routes"]}
        self._left = {route["routeKey"] for route in after["routes"]}
        self._titles = {item["integrationId"]: title_of(item) for each in both for item in each["integrations"]}
        self._titles_before = {item["integrationId"]: title_of(item) for item in before["integrations"]}
        self._authorizers = {item["authorizerId"]: item["name"] for each in both for item in each["authorizers"]}
        self._authorizer_ids = {name: each for each, name in self._authorizers.items()}

    def node(self, change: Change) -> str:
        first = change.key.partition(" ")[0]
        if change.kind in ("Route", "RouteResponse"):
            return f"route/{self._routes[first]}"
        if change.kind in ("Integration", "IntegrationResponse"):
            return f"integration/{first}"
        if change.kind == "Authorizer":
            return f"authorizer/{self._authorizer_ids[change.key]}"
        expression_changed = any(each.member == "routeSelectionExpression" for each in change.members)
        return SELECTOR if change.kind == "Api" and expression_changed else ""

    def sentence(self, change: Change) -> str:
        return _SENTENCES.get(change.kind, _Words._named)(self, change)

    def _api(self, change: Change) -> str:
        return f"Changes the API: {self._members(change)}."

    def _route(self, change: Change) -> str:
        if change.action != "added":
            return self._named(change)
        [target] = [each.after for each in change.members if each.member == "target"] or [""]
        leads = f", which leads to {self._title(target)}" if target else ", which leads nowhere"
        return f"Adds route {change.key}{leads}."

    def _route_response(self, change: Change) -> str:
        route = change.key.partition(" ")[0]
        if change.action == "added":
            return f"Makes route {route} two-way."
        if change.action == "removed":
            return f"Makes route {route} one-way." if route in self._left else f"Removes the response of route {route}."
        return f"Changes the response of route {route}: {self._members(change)}."

    def _integration(self, change: Change) -> str:
        titles = self._titles_before if change.action == "changed" else self._titles
        return self._done(change, f"integration {titles[change.key]}")

    def _integration_response(self, change: Change) -> str:
        integration, _, key = change.key.partition(" ")
        return self._done(change, f"response {key} of integration {self._titles[integration]}")

    def _named(self, change: Change) -> str:
        return self._done(change, f"{change.kind.lower()} {change.key}")

    def _done(self, change: Change, what: str) -> str:
        if change.action == "changed":
            return f"Changes {what}: {self._members(change)}."
        return f"{'Adds' if change.action == 'added' else 'Removes'} {what}."

    def _members(self, change: Change) -> str:
        return "; ".join(map(self._member, change.members))

    def _member(self, change: MemberChange) -> str:
        name, before, after = change.member, change.before, change.after
        if name == "target":
            return self._target(change)
        if name == "authorizerId":
            name, before, after = "authorizer", self._authorizers.get(before), self._authorizers.get(after)
        if isinstance(before or after, Mapping):
            return f"{name} of {', '.join(_differing(before or {}, after or {}))}"
        old, new = self._shown(name, before), self._shown(name, after)
        if after is None:
            return f"{name} is cleared"
        if before is None:
            return f"{name} is {new}" if new else f"{name} is set"
        return f"{name} from {old} to {new}" if old and new and old != new else f"{name} changes"

    def _target(self, change: MemberChange) -> str:
        if not change.after:
            return f"leads nowhere instead of to {self._title(change.before)}"
        instead = f" instead of {self._title(change.before)}" if change.before else ""
        return f"leads to {self._title(change.after)}{instead}"

    def _shown(self, member: str, value: Any) -> str:
        """A value for use in a sentence; empty if it is too long or not a single value."""
        if isinstance(value, bool):
            return str(value).lower()
        if not isinstance(value, str | int | float):
            return ""
        text = str(self._redactor.member(member, value))
        return text if len(text) <= _LONGEST_SHOWN and text.isprintable() else ""

    def _title(self, target: str) -> str:
        integration = target.removeprefix("integrations/")
        return self._titles.get(integration, integration)


_SENTENCES: Mapping[str, Callable[[_Words, Change], str]] = {
    "Api": _Words._api,
    "Route": _Words._route,
    "RouteResponse": _Words._route_response,
    "Integration": _Words._integration,
    "IntegrationResponse": _Words._integration_response,
}
"""How each kind is told; the others, which have a name, just with it."""

_LONGEST_SHOWN = 80


def _differing(before: Document, after: Document) -> list[str]:
    return [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
