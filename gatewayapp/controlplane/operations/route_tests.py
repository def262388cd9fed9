"""Trying a message out on what is deployed, or on the draft, with a stage's settings.

Nobody is called, except by what says that it sends; that adds an entry to the audit log.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from time import time

from django.conf import settings

from gatewayapp.controlplane.operations.audit_entries import add_entry
from gatewayapp.controlplane.operations.deployments import DRAFT, get_snapshot
from gatewayapp.controlplane.operations.errors import BadRequest, Unavailable
from gatewayapp.controlplane.operations.secrets import secrets_of
from gatewayapp.controlplane.operations.stages import get_stage
from gatewayapp.core.diff import MemberChange
from gatewayapp.core.dry_run import DryRun, differences, dry_run, sample_connection
from gatewayapp.core.graph import CLIENT, SELECTOR, backend_key
from gatewayapp.core.ids import new_request_id
from gatewayapp.core.limits import StageLimits
from gatewayapp.core.snapshot import Route, StageSnapshot, load
from gatewayapp.core.traces import Trace
from gatewayapp.live import NoGateway, Tried, live_connections
from gatewayapp.models import Document, Stage


@dataclass(frozen=True, slots=True)
class RouteTest:
    """What a message would do; `deployment_id` is DRAFT for the draft, `nodes` are its way through the picture."""

    deployment_id: str
    run: DryRun
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SentRouteTest:
    """A message that was truly sent: what it was to do, and what became of it, step by step."""

    test: RouteTest
    trace: Trace


@dataclass(frozen=True, slots=True)
class RouteTestComparison:
    """The same on what a stage serves and on the draft, and where the draft does otherwise."""

    deployed: RouteTest
    draft: RouteTest
    differences: tuple[MemberChange, ...]


def run_route_test(*, api_id: str, message: str, stage_name: str = "", deployment_id: str = "") -> RouteTest:
    """What `message` would do on a deployment, or on DRAFT, with the variables and limits of a stage if one is given.

    By default on what the stage serves, or on the draft. Raises BadRequest where there is nothing to try it on.
    """
    stage = stage_to_try(api_id, stage_name)
    return _test(api_id, stage, deployment_id or _served(stage), message, int(time() * 1000), new_request_id())


def compare_route_tests(*, api_id: str, message: str, stage_name: str) -> RouteTestComparison:
    """What `message` would do on what the stage serves and, with the stage's settings, on the draft."""
    stage = get_stage(api_id=api_id, stage_name=stage_name)
    now, request_id = int(time() * 1000), new_request_id()
    deployed = _test(api_id, stage, _served(stage), message, now, request_id)
    draft = _test(api_id, stage, DRAFT, message, now, request_id)
    return RouteTestComparison(deployed, draft, differences(deployed.run, draft.run))


def send_route_test(*, api_id: str, message: str, stage_name: str = "", deployment_id: str = "") -> SentRouteTest:
    """Send `message` truly, on what `run_route_test` tries it on: its integration is called.

    It comes from a connection that does not exist, so no client gets anything, nor what the backend pushes to it.
    """
    stage = stage_to_try(api_id, stage_name)
    deployment_id = deployment_id or _served(stage)
    document = get_snapshot(api_id=api_id, deployment_id=deployment_id)
    snapshot = stage_snapshot(document, stage)
    test = _tested(document, snapshot, deployment_id, message, int(time() * 1000), new_request_id())
    return SentRouteTest(test, send_message(api_id, snapshot, message, deployment_id).trace)


def send_message(api_id: str, snapshot: StageSnapshot, message: str, deployment_id: str) -> Tried:
    """Send a message truly through `snapshot`, and take that down. Raises Unavailable."""
    connection = sample_connection(snapshot, domain_name(api_id), int(time() * 1000))
    try:
        tried = live_connections().try_message(snapshot, message, connection)
    except NoGateway as error:
        raise Unavailable(str(error)) from error
    told = {"deploymentId": deployment_id, "stageName": snapshot.stage_name, "bytes": len(message.encode())}
    add_entry("SendTestMessage", f"/apis/{api_id}", after={**told, "routeKey": tried.trace.route_key})
    return tried


def stage_to_try(api_id: str, stage_name: str) -> Stage | None:
    """The stage whose variables and limits count; None where none is named. Raises NotFound."""
    return get_stage(api_id=api_id, stage_name=stage_name) if stage_name else None


def stage_snapshot(document: Document, stage: Stage | None) -> StageSnapshot:
    """A deployment's document compiled, with the settings of the stage. Raises BadRequest."""
    try:
        api = load(document)
    except ValueError as error:
        raise BadRequest(f"Unable to test: {secrets_of(document, stage).text(str(error))}") from error
    general, secrets = StageLimits.from_document(settings.NOPAL_LIMITS), secrets_of(document, stage)
    if stage is None:
        return StageSnapshot(api, DRAFT, {}, general, secrets)
    limits = StageLimits.from_document(stage.limits, general)
    return StageSnapshot(api, stage.stage_name, stage.stage_variables, limits, secrets)


def domain_name(api_id: str) -> str:
    return str(settings.NOPAL_DOMAIN_NAME).replace("{api_id}", api_id) or "localhost"


def _served(stage: Stage | None) -> str:
    if stage is None:
        return DRAFT
    if stage.deployment_id is None:
        raise BadRequest(f"Nothing is deployed on stage {stage.stage_name}: deploy first, or test the draft.")
    return stage.deployment_id


def _test(api_id: str, stage: Stage | None, deployment_id: str, message: str, now: int, request_id: str) -> RouteTest:
    document = get_snapshot(api_id=api_id, deployment_id=deployment_id)
    return _tested(document, stage_snapshot(document, stage), deployment_id, message, now, request_id)


def _tested(
    document: Document, snapshot: StageSnapshot, deployment_id: str, message: str, now: int, request_id: str
) -> RouteTest:
    run = dry_run(snapshot, message, domain_name(snapshot.api.api_id), now, request_id)
    return RouteTest(deployment_id, run, tuple(_way(document, run.route)))


def _way(document: Document, route: Route | None) -> Iterator[str]:
    """The keys of the nodes that the message passes."""
    yield from (CLIENT, SELECTOR)
    if route is None:
        return
    yield from (f"route/{each['routeId']}" for each in document["routes"] if each["routeKey"] == route.route_key)
    for each in document["integrations"]:
        if route.integration is not None and each["integrationId"] == route.integration.integration_id:
            yield f"integration/{each['integrationId']}"
            yield from filter(None, [backend_key(each)])
