"""An API as a picture: what a message passes from the client to the backends, as nodes and edges.

    client ⇄ selector → (authorizer →) routes ⇄ integrations ⇄ backends

Drawn from a snapshot's document, the draft's or a deployment's (see `core.snapshot`), whether or not it can be
deployed: what is wrong with a part stands in its `problems`. `core.layout` gives each node its place.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from gatewayapp.core.redaction import NO_SECRETS, Secrets
from gatewayapp.core.snapshot import CONNECT, DEFAULT, DISCONNECT, load, load_integration

Document = Mapping[str, Any]

CLIENT, SELECTOR = "client", "selector"
COLUMNS = ("client", "selector", "authorizer", "route", "integration", "backend")
"""The kinds of nodes, from left to right."""

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong: a `code` for programs, a sentence for people.

    With an `error` messages fail, or nothing can be deployed; with a `warning` something is only of no use.
    """

    code: str
    severity: str
    message: str


@dataclass(frozen=True, slots=True)
class Node:
    """One box. `id` is that of the resource, empty for clients and backends, which are none; `two_way` is a route's.

    `name` says in words what the box shows.
    """

    key: str
    kind: str
    id: str
    label: str
    detail: str
    name: str
    two_way: bool = False
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """A line from the node `source` to the node `target`, the way of messages, and of answers where it is `two_way`.

    `resource` and `id` name the resource that says so: to which integration a route leads is a member of the route.
    """

    key: str
    kind: str
    source: str
    target: str
    resource: str
    id: str
    name: str
    two_way: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes from left to right; `problems` are those of no single node."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    problems: tuple[Problem, ...] = ()


def graph_of(snapshot: Document, secrets: Secrets = NO_SECRETS) -> Graph:
    """The picture of a snapshot's document, without `secrets`, which the texts of problems could quote."""
    drawing = _Drawing(snapshot)
    nodes = tuple(replace(node, problems=_without(secrets, node.problems)) for node in drawing.nodes)
    return Graph(nodes, drawing.edges, _without(secrets, _problems_of_all(snapshot, drawing.nodes)))


def route_order(key: str) -> tuple[int, str]:
    """Sorts route keys: `$connect`, `$disconnect`, `$default`, then the others by name."""
    first = (CONNECT, DISCONNECT, DEFAULT)
    return (first.index(key) if key in first else len(first), key)


def backend_of(integration: Document) -> str:
    """What an integration calls: an origin such as `https://backend.example`, or a function's name.

    As it is written, so stage variables stay; empty for a MOCK integration, which calls nobody.
    """
    kind, uri = integration["integrationType"], integration.get("integrationUri", "")
    if kind == "MOCK":
        return ""
    return _function_name(uri) if kind in _LAMBDA else _origin_and_path(uri)[0]


def backend_key(integration: Document) -> str:
    """Short, and the same for all integrations with the same backend, now and later; empty where there is none."""
    backend = backend_of(integration)
    return f"backend/{sha256(backend.encode()).hexdigest()[:16]}" if backend else ""


def title_of(integration: Document) -> str:
    """An integration in short, such as `POST http://backend.example/in`, `function chat` or `MOCK`."""
    kind, uri = integration["integrationType"], integration.get("integrationUri", "")
    if kind == "MOCK":
        return str(kind)
    if kind in _LAMBDA:
        return f"function {_function_name(uri)}"
    return f"{integration.get('integrationMethod', 'POST')} {''.join(_origin_and_path(uri))}"


def label_of(integration: Document) -> str:
    """An integration in fewer words, such as `POST /in`, `invoke chat` or `MOCK`: without where it is."""
    kind, uri = integration["integrationType"], integration.get("integrationUri", "")
    if kind == "MOCK":
        return str(kind)
    if kind in _LAMBDA:
        return f"invoke {_function_name(uri)}"
    return f"{integration.get('integrationMethod', 'POST')} {_origin_and_path(uri)[1]}"


class _Drawing:
    def __init__(self, snapshot: Document) -> None:
        self._api = snapshot["api"]
        self._routes = sorted(snapshot["routes"], key=lambda route: route_order(route["routeKey"]))
        self._integrations = {item["integrationId"]: item for item in snapshot["integrations"]}
        self._authorizers = {item["authorizerId"]: item for item in snapshot["authorizers"]}
        self._users: dict[str, list[Document]] = {each: [] for each in self._integrations}
        for route in self._routes:
            self._users.get(_target(route), []).append(route)
        self.nodes = tuple(sorted(self._nodes(), key=lambda node: COLUMNS.index(node.kind)))
        self._labels = {node.key: node.label for node in self.nodes}
        self.edges = tuple(self._edges())

    # nodes

    def _nodes(self) -> Iterator[Node]:
        yield Node(CLIENT, "client", "", "Clients", "WebSocket", "Clients, over WebSocket")
        yield self._selector()
        yield from map(self._authorizer, self._authorizers.values())
        yield from map(self._route, self._routes)
        yield from map(self._integration, self._integrations.values())
        called = {backend_key(item): item for item in self._integrations.values() if backend_of(item)}
        yield from map(_backend, called.values())

    def _selector(self) -> Node:
        expression = self._api["routeSelectionExpression"]
        keys = {route["routeKey"] for route in self._routes}
        problems: tuple[Problem, ...] = ()
        if not keys:
            problems = (Problem("no-routes", ERROR, "There are no routes: add one, nothing can be deployed without."),)
        elif DEFAULT not in keys:
            problems = (_NO_DEFAULT,)
        name = f"Route selection expression {expression}"
        return Node(SELECTOR, "selector", self._api["apiId"], expression, "chooses the route", name, problems=problems)

    def _authorizer(self, authorizer: Document) -> Node:
        users = [route for route in self._routes if route.get("authorizerId") == authorizer["authorizerId"]]
        problems = () if users else (_UNUSED_AUTHORIZER,)
        function = _function_name(authorizer.get("authorizerUri", ""))
        name = f"Authorizer {authorizer['name']}, function {function}"
        key = _authorizer_key(authorizer)
        return Node(
            key, "authorizer", authorizer["authorizerId"], authorizer["name"], function, name, problems=problems
        )

    def _route(self, route: Document) -> Node:
        key, two_way = route["routeKey"], _two_way(route)
        facts = [_EVENTS.get(key, "message"), "two-way" if two_way else "one-way"]
        if route.get("authorizationType", "NONE") != "NONE":
            facts.append(f"authorization {route['authorizationType']}")
        problems = self._problems_of_route(route)
        integration = self._integrations.get(_target(route))
        leads = f", to {title_of(integration)}" if integration else ""
        name = f"Route {key}, {', '.join(facts)}{leads}"
        return Node(_route_key(route), "route", route["routeId"], key, ", ".join(facts), name, two_way, problems)

    def _problems_of_route(self, route: Document) -> tuple[Problem, ...]:
        target = _target(route)
        if not target:
            message = f"Route {route['routeKey']} has no integration: whatever takes it fails."
            return (Problem("no-integration", ERROR, message),)
        if target not in self._integrations:
            message = f"Route {route['routeKey']} leads to the integration {target}, which is not there."
            return (Problem("missing-integration", ERROR, message),)
        return ()

    def _integration(self, integration: Document) -> Node:
        kind, label = integration["integrationType"], label_of(integration)
        users = [route["routeKey"] for route in self._users[integration["integrationId"]]]
        used = f"used by {', '.join(users)}" if users else "used by no route"
        problems = list(_invalid(integration))
        if not users:
            problems.append(_UNUSED_INTEGRATION)
        name = f"Integration {kind} {label}, {used}" if label != kind else f"Integration {kind}, {used}"
        return Node(
            _integration_key(integration),
            "integration",
            integration["integrationId"],
            label,
            kind if backend_of(integration) else "answers by itself",
            name,
            problems=tuple(problems),
        )

    # edges

    def _edges(self) -> Iterator[Edge]:
        yield self._edge("connection", CLIENT, SELECTOR, ("Api", self._api["apiId"]), any(map(_two_way, self._routes)))
        for route in self._routes:
            yield from self._edges_of_route(route)
        for integration in self._integrations.values():
            if backend_of(integration):
                resource = ("Integration", integration["integrationId"])
                two_way = any(map(_two_way, self._users[integration["integrationId"]]))
                yield self._edge("call", _integration_key(integration), backend_key(integration), resource, two_way)

    def _edges_of_route(self, route: Document) -> Iterator[Edge]:
        key, two_way, resource = _route_key(route), _two_way(route), ("Route", route["routeId"])
        authorizer = self._authorizers.get(route.get("authorizerId", ""))
        if authorizer is None:
            yield self._edge("selection", SELECTOR, key, resource, two_way)
        else:
            yield self._edge("selection", SELECTOR, _authorizer_key(authorizer), resource, two_way)
            yield self._edge("authorization", _authorizer_key(authorizer), key, resource, two_way)
        if _target(route) in self._integrations:
            yield self._edge("target", key, f"integration/{_target(route)}", resource, two_way)

    def _edge(self, kind: str, source: str, target: str, resource: tuple[str, str], two_way: bool) -> Edge:
        name = f"{self._labels[source]} to {self._labels[target]}{', and back' if two_way else ''}"
        return Edge(f"{source}>{target}", kind, source, target, *resource, name, two_way)


_EVENTS = {CONNECT: "a client connects", DISCONNECT: "a connection ends", DEFAULT: "any other message"}
_LAMBDA = ("AWS", "AWS_PROXY")

_NO_DEFAULT = Problem(
    "no-default-route",
    WARNING,
    "There is no route $default: messages that choose no other route are answered with Forbidden.",
)
_UNUSED_INTEGRATION = Problem("unused-integration", WARNING, "No route leads to this integration.")
_UNUSED_AUTHORIZER = Problem("unused-authorizer", WARNING, "The route $connect does not ask this authorizer.")


def _without(secrets: Secrets, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    return tuple(replace(problem, message=secrets.text(problem.message)) for problem in problems)


def _invalid(integration: Document) -> Iterator[Problem]:
    try:
        load_integration(integration)
    except ValueError as error:
        yield Problem("invalid-integration", ERROR, str(error))


def _problems_of_all(snapshot: Document, nodes: tuple[Node, ...]) -> tuple[Problem, ...]:
    """Why the whole cannot be deployed, unless a node says so already."""
    if any(
        problem.code in ("invalid-integration", "missing-integration") for node in nodes for problem in node.problems
    ):
        return ()
    try:
        load(snapshot)
    except ValueError as error:
        return (Problem("not-deployable", ERROR, str(error)),)
    return ()


def _backend(integration: Document) -> Node:
    """The node of what the integration calls."""
    label = backend_of(integration)
    detail = "Lambda function" if integration["integrationType"] in _LAMBDA else "HTTP backend"
    return Node(backend_key(integration), "backend", "", label, detail, f"{detail} {label}")


def _origin_and_path(uri: str) -> tuple[str, str]:
    """The two as they are written; a query and a userinfo, which may hold credentials, belong to neither."""
    scheme, separator, rest = uri.partition("://")
    authority, slash, path = rest.partition("?")[0].partition("/")
    origin = f"{scheme}{separator}{authority.rpartition('@')[2]}"
    return origin if "${" in origin else origin.lower(), (slash or "/") + path


def _function_name(uri: str) -> str:
    """`chat` or `chat:live` of a function's ARN in either form."""
    return uri.partition(":function:")[2].removesuffix("/invocations") or uri


def _target(route: Document) -> str:
    return str(route.get("target", "")).removeprefix("integrations/")


def _two_way(route: Document) -> bool:
    return bool(route["routeResponses"])


def _route_key(route: Document) -> str:
    return f"route/{route['routeId']}"


def _integration_key(integration: Document) -> str:
    return f"integration/{integration['integrationId']}"


def _authorizer_key(authorizer: Document) -> str:
    return f"authorizer/{authorizer['authorizerId']}"
