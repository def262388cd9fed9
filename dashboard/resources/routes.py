"""Routes, and the response that makes a route a two-way one."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse

from dashboard.resources.apis import apis
from dashboard.resources.choices import authorizers, describe, targets
from dashboard.resources.fields import Choice, Flag, Pairs, RequiredParameters, Text
from dashboard.resources.kinds import Cell, Column, Empty, Group, Keys, Kind, Place
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations.route_responses import RouteResponseMembers
from gatewayapp.controlplane.operations.routes import RouteMembers
from gatewayapp.models import Document, Route, RouteResponse

_RESPONSE_KEY = "$default"


def _create(*, api_id: str, two_way: bool = False, **members: Any) -> Route:
    with operations.one_change("CreateRoute") as entry:
        route = operations.create_route(api_id=api_id, **members)
        if two_way:
            _switch(True, api_id=api_id, route_id=route.pk)
        entry.path, entry.after = operations.path_of(route), operations.route_with_responses(route)
        return route


def _update(*, api_id: str, route_id: str, two_way: bool | None = None, **members: Any) -> None:
    names = {"api_id": api_id, "route_id": route_id}
    if not members:
        _switch(two_way, **names)
        return
    read = partial(operations.get_route, **names)
    with operations.one_change_of("UpdateRoute", read, operations.route_with_responses):
        _update_members(**names, **members)
        _switch(two_way, **names)


def _update_members(*, api_id: str, route_id: str, **members: Any) -> None:
    names: Any = {"api_id": api_id, "route_id": route_id}
    if "request_parameters" in members:
        # An update merges them, so what was taken out is deleted by a call of its own.
        before = operations.get_route(**names).request_parameters
        for key in before.keys() - members["request_parameters"].keys():
            operations.delete_route_request_parameter(**names, request_parameter_key=key)
    operations.update_route(**names, **members)


def _switch(two_way: bool | None, **names: Any) -> None:
    """Make the route a two-way one or a one-way one; None leaves it as it is."""
    if two_way is True:
        operations.create_route_response(**names, route_response_key=_RESPONSE_KEY)
    elif two_way is False:
        for response in operations.get_route_responses(**names):
            operations.delete_route_response(**names, route_response_id=response.pk)


def _listed(rows: "QuerySet[Route]") -> "QuerySet[Route]":
    answers = Exists(RouteResponse.objects.filter(route=OuterRef("pk")))
    return (
        rows.select_related("integration", "authorizer")
        .prefetch_related("integration__routes")
        .annotate(answers=answers)
    )


def _target(route: Route, facts: Mapping[str, Any]) -> Cell:
    if route.integration is None:
        return Cell("no target", "tone", tone="wait")
    keys = {"api_id": route.api_id, "integration_id": route.integration.pk}
    return Cell(describe(route.integration), url=reverse("integrations-detail", kwargs=keys))


def _authorization(route: Route, facts: Mapping[str, Any]) -> Cell:
    if route.authorizer is not None:
        return Cell(route.authorizer.name, "tone", tone="violet")
    return Cell("" if route.authorization_type == "NONE" else route.authorization_type)


def _two_way(route: Any) -> bool:
    return bool(route.answers) if hasattr(route, "answers") else route.route_responses.exists()


def _more(place: Place, route: Route) -> Mapping[str, Any]:
    return {"responses": list(route.route_responses.all()), "integration": route.integration}


def _more_commands(keys: Keys, members: Document) -> Sequence[tuple[str, Document]]:
    if not members.get("two_way"):
        return ()
    names = {"api_id": keys["api_id"], "route_id": keys.get("route_id", "ROUTE_ID")}
    return [("create-route-response", {**names, "route_response_key": _RESPONSE_KEY})]


routes = Kind(
    noun="route",
    page="routes",
    icon="route",
    key="route_id",
    model=Route,
    shape=RouteMembers,
    parent=apis,
    address="apis/<str:api_id>/routes",
    groups=(
        Group(
            "",
            (
                Text(
                    "route_key",
                    "Route key",
                    "$connect and $disconnect run when a client comes and goes, $default takes what no other route "
                    "takes; any other key is a word that messages are selected by.",
                    required=True,
                    mono=True,
                    suggestions=("$connect", "$disconnect", "$default"),
                    placeholder="sendMessage",
                ),
                Choice("target", "Target", "The integration that handles it.", options=targets),
                Flag(
                    "two_way",
                    "Two-way: send the integration's answer back to the client",
                    "This is a route response. Without it a client hears of an answer only through @connections.",
                    wide=True,
                ),
            ),
        ),
        Group(
            "Who may connect",
            (
                Choice(
                    "authorization_type",
                    "Authorization",
                    "Decided once, when a connection opens.",
                    options=(
                        ("NONE", "none: anyone"),
                        ("AWS_IAM", "AWS_IAM: signed with an access key"),
                        ("CUSTOM", "CUSTOM: an authorizer decides"),
                    ),
                ),
                Choice("authorizer_id", "Authorizer", "For CUSTOM.", options=authorizers),
                Flag("api_key_required", "An API key is required"),
                RequiredParameters(
                    "request_parameters",
                    "Request parameters",
                    "Such as route.request.querystring.token or route.request.header.Authorization.",
                ),
            ),
            help="For the route $connect only: a connection is let in or not before its first message.",
            folded=True,
        ),
        Group(
            "Models and names",
            (
                Text(
                    "model_selection_expression",
                    "Model selection expression",
                    "Which model a message is held against.",
                    mono=True,
                    placeholder="$request.body.action",
                ),
                Text("operation_name", "Operation name", "For generated clients."),
                Text(
                    "route_response_selection_expression",
                    "Route response selection expression",
                    "Empty or $default; Nopal answers wherever there is a route response.",
                    mono=True,
                    suggestions=("$default",),
                ),
                Pairs(
                    "request_models",
                    "Request models",
                    "Which model stands for which key of the expression; $default for all others.",
                    names=("Key", "Model"),
                ),
            ),
            folded=True,
        ),
    ),
    columns=(
        Column("Target", _target),
        Column(
            "Answers",
            lambda route, facts: Cell("two-way", "tone", tone="good") if route.answers else Cell("one-way", "tone"),
            "answers",
        ),
        Column("Authorization", _authorization, "authorization_type"),
        Column("Id", lambda route, facts: Cell(route.route_id, "code")),
        Column("Created", lambda route, facts: Cell(route.created_date, "moment"), "created_date"),
    ),
    lead="Which integration handles which messages. Changes are a draft until they are deployed.",
    empty=Empty(
        "No route yet",
        "A route is what a message is sent to: its key is what the API's route selection expression gives for the "
        "message. Begin with $default, which takes every message that no other route takes.",
    ),
    name=lambda route: route.route_key,
    search=("route_key", "route_id", "integration__shown_uri", "integration__pk", "operation_name"),
    get_all=operations.get_routes,
    get=operations.get_route,
    create=_create,
    update=_update,
    delete=operations.delete_route,
    listed=_listed,
    members=lambda route: {"two_way": _two_way(route)},
    more="resources/_route.html",
    more_context=_more,
    more_commands=_more_commands,
    lost=lambda route: [
        "Its route response." if route.route_responses.exists() else "Nothing else: its integration stays."
    ],
)


route_responses = Kind(
    noun="route response",
    page="routes-responses",
    icon="arrow-back-up",
    key="route_response_id",
    model=RouteResponse,
    shape=RouteResponseMembers,
    parent=routes,
    address="apis/<str:api_id>/routes/<str:route_id>/responses",
    groups=(
        Group(
            "",
            (
                Text("model_selection_expression", "Model selection expression", mono=True),
                Pairs("response_models", "Response models", names=("Key", "Model")),
                RequiredParameters("response_parameters", "Response parameters"),
            ),
            help="Kept for AWS's tools: that the response exists is what makes the route answer.",
        ),
    ),
    columns=(Column("Id", lambda response, facts: Cell(response.route_response_id, "code")),),
    lead="A route with a response is a two-way one: what its integration answers is sent to the client.",
    empty=Empty("One-way", "Without a response clients get no answer from this route, as with fire and forget."),
    name=lambda response: response.route_response_key,
    get_all=operations.get_route_responses,
    get=operations.get_route_response,
    create=operations.create_route_response,
    update=operations.update_route_response,
    delete=operations.delete_route_response,
    constants={"route_response_key": _RESPONSE_KEY},
    lost=lambda response: ["From the next deployment on clients get no answer from this route."],
)
