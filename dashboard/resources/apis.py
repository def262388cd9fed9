"""APIs: a WebSocket API as a whole."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django.db.models import Count, QuerySet

from dashboard.resources.fields import Choice, Flag, LongText, Text
from dashboard.resources.kinds import Cell, Column, Empty, Group, Kind, Place
from dashboard.resources.tags import TAGS_FIELD, update_with_tags
from dashboard.stage_facts import connections_by_stage, stage_facts
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.api.v1.permissions import on_all, on_some
from gatewayapp.controlplane.api.views import api_endpoint
from gatewayapp.controlplane.operations.apis import NewApiMembers
from gatewayapp.core.roles import Permission
from gatewayapp.models import Api, Connection, Document


def _update(*, api_id: str, **members: Any) -> None:
    update_with_tags("UpdateApi", partial(operations.update_api, api_id=api_id), f"/apis/{api_id}", members)


def _listed(apis: "QuerySet[Api]") -> "QuerySet[Api]":
    counted = apis.annotate(route_count=Count("routes", distinct=True))
    return counted.order_by("created_date", "pk").prefetch_related("stages")


def _facts(place: Place, apis: Sequence[Api]) -> Mapping[str, Any]:
    counts: dict[str, int] = {}
    for (api_id, _), count in connections_by_stage().items():
        counts[api_id] = counts.get(api_id, 0) + count
    return {"connections": counts}


def _document(place: Place, api: Api) -> Document:
    return {**api.document(), "apiEndpoint": api_endpoint(place.request, api.api_id)}


def _lost(api: Api) -> Sequence[str]:
    stages, live = api.stages.count(), Connection.open.filter(api_id=api.api_id).count()
    return [
        f"Its {_count(api.routes.count(), 'route')}, {_count(api.integrations.count(), 'integration')} and everything "
        "else under it.",
        f"Its {_count(stages, 'stage')}: nobody can connect any more.",
        *([f"{_count(live, 'open connection')}, which will be closed."] if live else []),
    ]


def _overview(place: Place, api: Api) -> Mapping[str, Any]:
    counts = connections_by_stage()
    stages = [stage_facts(place.request, stage, counts) for stage in api.stages.all()]
    return {
        "stages": stages,
        "example": next((stage for stage in stages if stage.deployed), None),
        "steps": _steps(api, stages),
        "counts": (
            ("routes", api.routes.count()),
            ("integrations", api.integrations.count()),
            ("authorizers", api.authorizers.count()),
            ("models", api.models.count()),
            ("deployments", api.deployments.count()),
        ),
    }


def _steps(api: Api, stages: Sequence[Any]) -> list[dict[str, Any]]:
    """What it takes until someone can connect, and what of it is done."""
    return [
        {
            "page": "integrations",
            "title": "Name a backend",
            "text": "An integration is what answers: an HTTP URL, a Lambda function, or a mock that needs nothing.",
            "done": api.integrations.exists(),
        },
        {
            "page": "routes",
            "title": "Add a route",
            "text": f"{api.route_selection_expression} of a message names its route; $default takes all others.",
            "done": api.routes.exists(),
        },
        {
            "page": "stages",
            "title": "Make a stage",
            "text": "A stage is an address that clients connect to. With automatic deployment it follows each change.",
            "done": bool(stages),
        },
        {
            "page": "deployments",
            "title": "Deploy",
            "text": "A deployment freezes the draft; clients meet what a stage serves, never the draft.",
            "done": any(stage.deployed for stage in stages),
        },
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


apis = Kind(
    noun="API",
    page="apis",
    detail_page="api",
    icon="api",
    key="api_id",
    model=Api,
    shape=NewApiMembers,
    address="apis",
    groups=(
        Group(
            "",
            (
                Text("name", "Name", "What people call it; its address has the id instead.", required=True),
                Text(
                    "route_selection_expression",
                    "Route selection expression",
                    "Which part of a message names its route. With $request.body.action the message "
                    '{"action": "send"} goes to the route send.',
                    required=True,
                    mono=True,
                    suggestions=(
                        "$request.body.action",
                        "$request.body.type",
                        "${request.body.service}/${request.body.action}",
                    ),
                    placeholder="$request.body.action",
                ),
                LongText("description", "Description", wide=True),
            ),
        ),
        Group("Tags", (TAGS_FIELD,)),
        Group(
            "More settings",
            (
                Text("version", "Version", "A word of yours, such as 2026-11."),
                Choice(
                    "api_key_selection_expression",
                    "API key selection expression",
                    "Where a client's API key is looked for.",
                    options=(
                        ("$request.header.x-api-key", "$request.header.x-api-key"),
                        ("$context.authorizer.usageIdentifierKey", "$context.authorizer.usageIdentifierKey"),
                    ),
                ),
                Choice(
                    "ip_address_type",
                    "IP address type",
                    "Kept for AWS's tools; who can reach Nopal is up to what it listens on.",
                    options=(("ipv4", "ipv4"), ("dualstack", "dualstack")),
                ),
                Flag(
                    "disable_schema_validation",
                    "Do not check models when deploying",
                    "A model whose schema is no JSON is then no reason to refuse a deployment.",
                ),
                Flag(
                    "disable_execute_api_endpoint",
                    "Custom domain names only",
                    "The API is then not reached under its own address.",
                ),
            ),
            folded=True,
        ),
    ),
    columns=(
        Column("Id", lambda api, facts: Cell(api.api_id, "code")),
        Column("Routes", lambda api, facts: Cell(api.route_count, "number"), "route_count"),
        Column("Stages", lambda api, facts: Cell([stage.stage_name for stage in api.stages.all()], "chips")),
        Column("Connected", lambda api, facts: Cell(facts["connections"].get(api.api_id, 0), "number")),
        Column("Description", lambda api, facts: Cell(api.description, "long")),
        Column("Created", lambda api, facts: Cell(api.created_date, "moment"), "created_date"),
    ),
    lead="Each has routes for its clients' messages, integrations that answer them, and stages to connect to.",
    empty=Empty(
        "No API yet",
        "An API takes WebSocket connections and sends each message to a backend of yours: one route for each kind of "
        "message. Name it and say which part of a message names the route; the rest follows step by step.",
    ),
    name=lambda api: api.name,
    search=("name", "api_id", "description"),
    get_all=operations.get_apis,
    get=operations.get_api,
    create=operations.create_api,
    update=_update,
    delete=operations.delete_api,
    constants={"protocol_type": "WEBSOCKET"},
    listed=_listed,
    facts=_facts,
    lost=_lost,
    document=_document,
    more="resources/_api.html",
    more_first=True,
    more_context=_overview,
    needs={"list": on_some(Permission.READ_APIS), "new": on_all(Permission.WRITE_APIS)},
    arn_path=lambda keys: f"/apis/{keys['api_id']}",
)
