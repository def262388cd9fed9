"""An API as it is stored, as a definition: ids become names, and what is as by default is left out.

An integration has no name of its own, so it is called after the first route that uses it. Everything stands in an order
that depends on names alone, except integration responses, whose order counts.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations.snapshots import draft
from gatewayapp.interchange.documents import Document
from gatewayapp.interchange.kinds import KINDS
from gatewayapp.interchange.plans import Definition, Part, reference, rereferred
from gatewayapp.interchange.problems import reject
from gatewayapp.models import Api, Deployment, Stage, TestCase

_READ_ONLY = {
    "apiId",
    "authorizerId",
    "createdDate",
    "integrationId",
    "integrationResponseId",
    "integrationResponseSelectionExpression",
    "integrationResponses",
    "lastDeploymentStatusMessage",
    "lastUpdatedDate",
    "modelId",
    "routeId",
    "routeResponseId",
    "routeResponses",
    "testCaseId",
}
_FIRST_MEMBERS = (
    "name",
    "routeSelectionExpression",
    "integrationType",
    "integrationMethod",
    "integrationUri",
    "routeKey",
    "target",
    "authorizationType",
    "authorizerId",
)
_FIRST_ROUTES = ("$connect", "$disconnect", "$default")


@dataclass(frozen=True, slots=True)
class Stored:
    """An API's definition, and the ids of its parts by their keys."""

    definition: Definition
    ids: Mapping[str, str]


def stored(api_id: str, stage_name: str | None = None) -> Stored:
    """The draft with all stages, or what `stage_name` serves, with that stage alone. Raises NotFound and Rejected."""
    api = operations.get_api(api_id=api_id)
    if stage_name is None:
        stages, tests = operations.get_stages(api_id=api_id), operations.get_test_cases(api_id=api_id)
        return _stored(api, draft(api), stages, tests)
    stage = operations.get_stage(api_id=api_id, stage_name=stage_name)
    return _stored(api, served(api_id, stage_name).snapshot, [stage])


def named_as(before: Stored, after: Stored) -> Stored:
    """`before` with the names that integrations have in `after`: each is called after a route, which may be another."""
    now = {part_id: key for key, part_id in after.ids.items()}
    names = {key: now.get(part_id, key) for key, part_id in before.ids.items() if key.startswith("Integration/")}
    while clashing := _renamed_to_what_is_taken(names):
        names |= {key: key for key in clashing}  # what goes away keeps its name
    integrations = tuple(
        replace(part, name=names[part.key].partition("/")[2]) for part in before.definition.integrations
    )
    routes = tuple(replace(part, members=rereferred(part.members, names)) for part in before.definition.routes)
    definition = replace(before.definition, integrations=integrations, routes=routes)
    return Stored(definition, {names.get(key, key): part_id for key, part_id in before.ids.items()})


def _renamed_to_what_is_taken(names: Mapping[str, str]) -> list[str]:
    taken = Counter(names.values())
    return [key for key, name in names.items() if key != name and taken[name] > 1]


def served(api_id: str, stage_name: str) -> Deployment:
    """The deployment that the stage serves. Raises NotFound and Rejected."""
    deployment = operations.get_stage(api_id=api_id, stage_name=stage_name).deployment
    if deployment is None:
        raise reject("", f"Stage {stage_name} serves no deployment yet: deploy to it, or export the draft.")
    return deployment


def _stored(api: Api, snapshot: Document, stages: Iterable[Stage], tests: Iterable[TestCase] = ()) -> Stored:
    names = _Names(snapshot)
    definition = Definition(
        api=_part("Api", api.name, {**snapshot["api"], "tags": api.tags}),
        authorizers=_by_name(_part("Authorizer", item["name"], item) for item in snapshot["authorizers"]),
        models=_by_name(_part("Model", item["name"], item) for item in snapshot["models"]),
        integrations=tuple(
            _with_responses(_part("Integration", names.integrations[item["integrationId"]], item), item)
            for item in names.ordered_integrations
        ),
        routes=tuple(
            _with_responses(_part("Route", item["routeKey"], names.route_members(item)), item)
            for item in sorted(snapshot["routes"], key=lambda item: _route_order(item["routeKey"]))
        ),
        stages=_by_name(_stage(stage) for stage in stages),
        tests=_by_name(_part("TestCase", test.name, test.document()) for test in tests),
    )
    return Stored(definition, names.ids)


class _Names:
    """Names and keys for a snapshot's ids."""

    def __init__(self, snapshot: Document) -> None:
        users: dict[str, list[str]] = {item["integrationId"]: [] for item in snapshot["integrations"]}
        for route in sorted(snapshot["routes"], key=lambda item: _route_order(item["routeKey"])):
            if "target" in route:
                users[route["target"].removeprefix("integrations/")].append(route["routeKey"])
        self.ordered_integrations = sorted(
            snapshot["integrations"], key=lambda item: _integration_order(users[item["integrationId"]], item)
        )
        wanted = [_name_of_user(users[item["integrationId"]]) for item in self.ordered_integrations]
        ids = [item["integrationId"] for item in self.ordered_integrations]
        self.integrations = dict(zip(ids, unique(wanted), strict=True))
        self._authorizers = {item["authorizerId"]: item["name"] for item in snapshot["authorizers"]}
        self.ids = (
            {"Api": snapshot["api"]["apiId"]}
            | {f"Integration/{name}": item for item, name in self.integrations.items()}
            | {f"Authorizer/{name}": item for item, name in self._authorizers.items()}
            | {f"Model/{item['name']}": item["modelId"] for item in snapshot["models"]}
            | {f"Route/{item['routeKey']}": item["routeId"] for item in snapshot["routes"]}
        )

    def route_members(self, route: Document) -> Document:
        members = _writable(route)
        if "target" in route:
            integration = self.integrations[route["target"].removeprefix("integrations/")]
            members["target"] = f"integrations/{reference('Integration', integration)}"
        if "authorizerId" in route:
            members["authorizerId"] = reference("Authorizer", self._authorizers[route["authorizerId"]])
        return members


def unique(names: Iterable[str], separator: str = "-") -> list[str]:
    """The names with a number behind those that came before: `send`, `send-2`."""
    taken: Counter[str] = Counter()
    found: list[str] = []
    for name in names:
        candidate = name
        while candidate in taken:
            taken[name] += 1
            candidate = f"{name}{separator}{taken[name]}"
        taken[candidate] += 1
        found.append(candidate)
    return found


def _part(kind: str, name: str, document: Document) -> Part:
    members = KINDS[kind].without_defaults(document if kind == "Route" else _writable(document))
    return Part(kind, name, {member: _sorted(members[member]) for member in sorted(members, key=_member_order)})


def _with_responses(part: Part, document: Document) -> Part:
    kind = f"{part.kind}Response"
    key = f"{kind[:1].lower()}{kind[1:]}Key"
    documents: list[Document] = document[f"{kind[:1].lower()}{kind[1:]}s"]
    responses = tuple(_part(kind, item[key], item) for item in documents)
    return Part(part.kind, part.name, part.members, part.place, responses)


def _stage(stage: Stage) -> Part:
    members = stage.document()
    serves = members.pop("deploymentId", None) is not None
    if not stage.auto_deploy:
        members["deployed"] = serves
    return _part("Stage", stage.stage_name, members)


def _by_name(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda part: part.name))


def _member_order(name: str) -> tuple[int, str]:
    return (_FIRST_MEMBERS.index(name) if name in _FIRST_MEMBERS else len(_FIRST_MEMBERS), name)


def _sorted(value: Any) -> Any:
    """The value with the keys of its maps in order, which not every database keeps."""
    return {key: _sorted(value[key]) for key in sorted(value)} if isinstance(value, dict) else value


def _route_order(key: str) -> tuple[int, str]:
    return (_FIRST_ROUTES.index(key) if key in _FIRST_ROUTES else len(_FIRST_ROUTES), key)


def _integration_order(users: list[str], integration: Document) -> tuple[int, tuple[int, str], bytes]:
    """By the first route that uses it; those without any come last, in an order of their content."""
    if users:
        return (0, _route_order(users[0]), b"")
    content = [_writable(integration), *(_writable(response) for response in integration["integrationResponses"])]
    return (1, (0, ""), orjson.dumps(content, option=orjson.OPT_SORT_KEYS))


def _writable(document: Mapping[str, Any]) -> Document:
    return {name: value for name, value in document.items() if name not in _READ_ONLY}


def _name_of_user(users: list[str]) -> str:
    """A route's key as a name: `connect` for `$connect`, `room-join` for `room/join`."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", users[0]).strip("-") or "integration" if users else "unused"
