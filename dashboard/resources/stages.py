"""Stages: what clients connect to, with settings that act at once."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django.conf import settings

from dashboard.resources.apis import apis
from dashboard.resources.choices import deployments
from dashboard.resources.fields import Choice, Field, Flag, Lines, LongText, Number, Objects, OptionalFlag, Pairs, Text
from dashboard.resources.kinds import Cell, Column, Empty, Group, Kind, Place
from dashboard.resources.tags import TAGS_FIELD, update_with_tags
from dashboard.resources.widgets import Slot
from dashboard.stage_facts import connections_by_stage, stage_facts
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations.stages import NewStageMembers
from gatewayapp.core.limits import StageLimits
from gatewayapp.models import Connection, Stage

_LEVELS = (("", "as the stage"), ("OFF", "OFF"), ("ERROR", "ERROR"), ("INFO", "INFO"))
_YES_NO = (("", "as the stage"), ("true", "yes"), ("false", "no"))


def _update(*, api_id: str, stage_name: str, **members: Any) -> None:
    update = partial(_update_members, api_id=api_id, stage_name=stage_name)
    update_with_tags("UpdateStage", update, f"/apis/{api_id}/stages/{stage_name}", members)


def _update_members(*, api_id: str, stage_name: str, **members: Any) -> None:
    names: Any = {"api_id": api_id, "stage_name": stage_name}
    if "route_settings" in members:
        # An update merges them, so what was taken out is deleted by a call of its own.
        before = operations.get_stage(**names).route_settings
        for key in before.keys() - members["route_settings"].keys():
            operations.delete_route_settings(**names, route_key=key)
    operations.update_stage(**names, **members)


def _facts(place: Place, stages: Sequence[Stage]) -> Mapping[str, Any]:
    counts = connections_by_stage()
    return {"overviews": {stage.pk: stage_facts(place.request, stage, counts) for stage in stages}}


def _serves(stage: Stage, facts: Mapping[str, Any]) -> Cell:
    if stage.deployment_id is None:
        return Cell("not deployed", "tone", tone="wait")
    return Cell(stage.deployment_id, "code")


def _deploys(stage: Stage, facts: Mapping[str, Any]) -> Cell:
    return Cell("automatically", "tone", tone="good") if stage.auto_deploy else Cell("on request", "tone")


def _more(place: Place, stage: Stage) -> Mapping[str, Any]:
    return {
        "stage": stage_facts(place.request, stage, connections_by_stage()),
        "status_message": stage.last_deployment_status_message,
        "deployment_id": stage.deployment_id,
    }


def _lost(stage: Stage) -> Sequence[str]:
    live = Connection.open.filter(api_id=stage.api_id, stage=stage.stage_name).count()
    return [
        "Its address, variables, limits and settings. Deployments stay.",
        *([f"{live} open connection{'' if live == 1 else 's'}, which will be closed."] if live else []),
    ]


def _limit(key: str, label: str, text: str) -> Field:
    """A limit's field, with what holds without it."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)
    default = getattr(StageLimits.from_document(settings.NOPAL_LIMITS), snake)
    if isinstance(default, bool):
        words = f"{text} As by default: {'yes' if default else 'no'}."
        return OptionalFlag("limits", label, words, key=key)
    if isinstance(default, tuple):
        return Lines("limits", label, text, key=key, absent=True, wide=True, placeholder="\n".join(default))
    return Number("limits", label, text, key=key, placeholder=f"{default:g}" if default < 10**6 else str(int(default)))


_LIMITS = (
    _limit(
        "idleTimeout",
        "Idle timeout",
        "Seconds without data in either direction until a connection is closed. 0: never.",
    ),
    _limit("connectionDuration", "Connection duration", "Seconds after which any connection is closed. 0: never."),
    _limit("pingInterval", "Ping interval", "Seconds after which a silent client is pinged. 0: never."),
    _limit("pingTimeout", "Ping timeout", "Seconds until a client that answers no ping is gone. 0: never."),
    _limit("pingResetsIdle", "Pings count as activity", "Whether a client's ping resets the idle timeout."),
    _limit("maxFrame", "Largest frame", "Bytes; a larger one closes the connection."),
    _limit("maxMessage", "Largest message", "Bytes; a larger one closes the connection."),
    _limit("maxInFlight", "Messages in flight", "Integrations that run at once for one connection. 1: strict order."),
    _limit("sendBuffer", "Send buffer", "Bytes that may wait for a slow client; then backends get 429."),
    _limit(
        "slowClientTimeout", "Slow client timeout", "Seconds until a client with a full buffer is closed. 0: never."
    ),
    _limit("messagesPerSecond", "Messages per second", "That one connection may send. 0: no limit."),
    _limit("bytesPerSecond", "Bytes per second", "That one connection may send. 0: no limit."),
    _limit("connections", "Connections", "That the stage may have open; then handshakes get 429. 0: no limit."),
    _limit("connectsPerSecond", "Handshakes per second", "That the stage takes; then they get 429. 0: no limit."),
    _limit(
        "requireOrigin", "Origin is required", "Whether clients without an Origin, which are no browsers, are refused."
    ),
    _limit(
        "allowedOrigins",
        "Allowed origins",
        "Of pages that may connect, one a line; * for any. Empty: any, but with cookies only the gateway's own.",
    ),
)

stages = Kind(
    noun="stage",
    page="stages",
    icon="stack-2",
    key="stage_name",
    model=Stage,
    shape=NewStageMembers,
    parent=apis,
    address="apis/<str:api_id>/stages",
    new_segment="+new",
    groups=(
        Group(
            "",
            (
                Text(
                    "stage_name",
                    "Name",
                    "It ends the address that clients connect to.",
                    required=True,
                    fixed=True,
                    placeholder="prod",
                ),
                Choice("deployment_id", "Deployment", "What the stage serves.", options=deployments),
                Flag(
                    "auto_deploy",
                    "Deploy automatically",
                    "The stage follows the draft: each change that can be deployed is served at once.",
                ),
                LongText("description", "Description", wide=True),
            ),
        ),
        Group(
            "Stage variables",
            (
                Pairs(
                    "stage_variables",
                    "Variables",
                    "Integrations read them as ${stageVariables.name}: the same deployment can have another backend on "
                    "each stage.",
                    merges=True,
                ),
            ),
        ),
        Group(
            "Limits",
            _LIMITS,
            help="What a stage allows its connections, AWS's quotas by default. An empty field keeps the "
            "default, which it shows. They act within two seconds, without a deployment.",
            folded=True,
        ),
        Group(
            "Throttling and logs",
            (
                Number("default_route_settings", "Messages per second", "Of each route.", key="throttlingRateLimit"),
                Number("default_route_settings", "Burst", "Messages at once.", key="throttlingBurstLimit"),
                Choice("default_route_settings", "Logging level", key="loggingLevel", options=_LEVELS[1:]),
                Flag("default_route_settings", "Trace messages in full", key="dataTraceEnabled"),
                Flag("default_route_settings", "Metrics of each route", key="detailedMetricsEnabled"),
                Objects(
                    "route_settings",
                    "Routes with settings of their own",
                    "By route key.",
                    slots=(
                        Slot("key", "Route key"),
                        Slot("throttlingRateLimit", "Messages per second"),
                        Slot("throttlingBurstLimit", "Burst"),
                        Slot("loggingLevel", "Logging level", choices=_LEVELS),
                        Slot("dataTraceEnabled", "Trace", choices=_YES_NO),
                        Slot("detailedMetricsEnabled", "Metrics", choices=_YES_NO),
                    ),
                    numbers=frozenset({"throttlingRateLimit", "throttlingBurstLimit"}),
                ),
                Text("access_log_settings", "Access log format", key="format", mono=True, wide=True),
                Text("access_log_settings", "Access log destination", key="destinationArn", mono=True, wide=True),
                Text("client_certificate_id", "Client certificate", "Kept for AWS's tools."),
            ),
            help="As AWS stores them.",
            folded=True,
        ),
        Group("Tags", (TAGS_FIELD,), folded=True),
    ),
    columns=(
        Column("Address", lambda stage, facts: Cell(facts["overviews"][stage.pk].websocket_url, "copy")),
        Column("Serves", _serves),
        Column("Deploys", _deploys, "auto_deploy"),
        Column("Connected", lambda stage, facts: Cell(facts["overviews"][stage.pk].connections, "number")),
        Column("Changed", lambda stage, facts: Cell(stage.last_updated_date, "moment"), "last_updated_date"),
    ),
    lead="Addresses that clients connect to. Each serves one deployment, with variables and limits of its own.",
    empty=Empty(
        "No stage yet",
        "Nobody can connect before there is one. A stage such as prod is an address that serves a deployment; one that "
        "deploys automatically follows the draft, which is the quickest way to try an API out.",
    ),
    name=lambda stage: stage.stage_name,
    search=("stage_name", "description"),
    get_all=operations.get_stages,
    get=operations.get_stage,
    create=operations.create_stage,
    update=_update,
    delete=operations.delete_stage,
    facts=_facts,
    lost=_lost,
    more="resources/_stage.html",
    more_first=True,
    more_context=_more,
    not_in_cli=frozenset({"limits"}),
    arn_path=lambda keys: f"/apis/{keys['api_id']}/stages/{keys['stage_name']}",
)
