"""Nopal's own documents: an API as people would write it down, in YAML.

    nopal: 1
    api: {name: chat, routeSelectionExpression: $request.body.action}
    integrations:
      send: {integrationType: HTTP_PROXY, integrationMethod: POST, integrationUri: "http://backend/send"}
    routes:
      send: {integration: send, routeResponses: {$default: {}}}
    stages:
      prod: {stageVariables: {room: blue}}
    tests:
      sending: {message: '{"action": "send"}', expectations: {routeKey: send}}

Members bear AWS's names, as on the wire. Parts are keyed by what names them, and refer to one another by it. What is as
by default is not written. A stage serves the document's API unless it says `deployed: false`.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from gatewayapp.interchange.documents import Document
from gatewayapp.interchange.kinds import KINDS, schema_object
from gatewayapp.interchange.plans import Definition, Part, Plan, dangling, reference, referred
from gatewayapp.interchange.problems import Problem, Problems, below

VERSION = 1

_SECTIONS = {
    "authorizers": ("Authorizer", "name"),
    "models": ("Model", "name"),
    "integrations": ("Integration", ""),
    "routes": ("Route", "routeKey"),
    "stages": ("Stage", "stageName"),
    "tests": ("TestCase", "name"),
}
"""Kind and naming member of the parts of each section; an integration's name is the document's alone."""

_RESPONSES = {
    "Integration": ("integrationResponses", "IntegrationResponse", "integrationResponseKey"),
    "Route": ("routeResponses", "RouteResponse", "routeResponseKey"),
}


def read(document: Document) -> Plan:
    """The plan of a document. Raises Rejected with everything that is wrong with it."""
    return _Reader().read(document)


def write(definition: Definition) -> Document:
    """The document of a definition."""
    sections = {
        section: {part.name: _written(part, naming) for part in getattr(definition, section)}
        for section, (_, naming) in _SECTIONS.items()
    }
    return {"nopal": VERSION, "api": definition.api.members} | {
        name: parts for name, parts in sections.items() if parts
    }


class _Reader:
    def __init__(self) -> None:
        self._problems = Problems()

    def read(self, document: Document) -> Plan:
        if document.get("nopal") != VERSION:
            self._refuse("nopal", f"This version of Nopal reads documents of version {VERSION}.")
        self._check_names("", document, ["nopal", "api", *_SECTIONS])
        definition = Definition(
            api=Part("Api", "api", self._members("Api", self._mapping("api", document.get("api", {})), "api"), "api"),
            **{section: tuple(self._parts(section, document.get(section))) for section in _SECTIONS},
        )
        definition.api.members["protocolType"] = "WEBSOCKET"
        self._problems.add(*dangling(definition))
        self._problems.raise_any()
        return Plan(definition)

    def _parts(self, section: str, entries: Any) -> Iterator[Part]:
        kind, naming = _SECTIONS[section]
        for name, value in self._mapping(section, entries).items():
            place = below(section, name)
            written = self._mapping(place, value)
            responses = tuple(self._responses(kind, written, place))
            members = self._members(kind, self._wired(kind, written, place), place)
            yield Part(kind, name, members | ({naming: name} if naming else {}), place, responses)

    def _responses(self, kind: str, written: Document, place: str) -> Iterator[Part]:
        section, response_kind, naming = _RESPONSES.get(kind, ("", "", ""))
        for key, value in self._mapping(f"{place}.{section}", written.pop(section, None)).items():
            there = below(f"{place}.{section}", key)
            members = self._members(response_kind, self._mapping(there, value), there)
            yield Part(response_kind, key, {**members, naming: key}, there)

    def _wired(self, kind: str, written: Document, place: str) -> Document:
        """A part with references instead of names, and with what a document of ours need not say."""
        if kind == "Route":
            if "integration" in written:
                integration = reference("Integration", str(written.pop("integration")))
                written["target"] = f"integrations/{integration}"
            if "authorizer" in written:
                written["authorizerId"] = reference("Authorizer", str(written.pop("authorizer")))
        if kind == "Authorizer":
            return {"authorizerType": "REQUEST", "identitySource": [], **written}
        return written

    def _members(self, kind: str, written: Document, place: str) -> Document:
        deployed = written.pop("deployed", True) if kind == "Stage" else None
        members = KINDS[kind].read(written, place, self._refuse)
        if kind != "Stage":
            return members
        if not isinstance(deployed, bool):
            self._refuse(f"{place}.deployed", "it takes true or false.")
        return {**members, "deployed": deployed}

    def _mapping(self, place: str, value: Any) -> Document:
        """A copy of the mapping, empty where there is none."""
        if value is not None and not isinstance(value, dict):
            self._refuse(place, "it takes a mapping of names to values.")
            return {}
        return dict(value or {})

    def _check_names(self, place: str, document: Mapping[str, Any], known: list[str]) -> None:
        for name in document:
            if name not in known:
                near = get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"known are: {', '.join(known)}."
                self._refuse(f"{place}{name}", f"unknown; {hint}")

    def _refuse(self, place: str, why: str) -> None:
        self._problems.add(Problem(place, why[:1].upper() + why[1:]))


def _written(part: Part, naming: str) -> Document:
    members = {name: value for name, value in part.members.items() if name != naming}
    if "authorizerId" in members:
        members = {"authorizer": _name(members.pop("authorizerId")), **members}
    if "target" in members:
        members = {"integration": _name(members.pop("target").removeprefix("integrations/")), **members}
    if part.kind == "Model":
        members["schema"] = schema_object(members["schema"])
    if part.responses:
        section, _, response_naming = _RESPONSES[part.kind]
        members[section] = {response.name: _written(response, response_naming) for response in part.responses}
    return members


def _name(text: str) -> str:
    found = referred(text)
    assert found is not None
    return found[1]
