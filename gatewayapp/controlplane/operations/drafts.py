"""How the draft differs from what each stage serves, and what is to be known before it is deployed."""

from collections.abc import Iterator
from dataclasses import dataclass

from gatewayapp.controlplane.operations.apis import get_api
from gatewayapp.controlplane.operations.changes import get_draft_version
from gatewayapp.controlplane.operations.deployments import DRAFT, get_snapshot
from gatewayapp.controlplane.operations.errors import BadRequest
from gatewayapp.controlplane.operations.secrets import secrets_of
from gatewayapp.controlplane.operations.stages import get_stage
from gatewayapp.controlplane.operations.test_cases import run_test_cases
from gatewayapp.core.destinations import Destination, HttpDestination, destination_of
from gatewayapp.core.errors import GatewayError
from gatewayapp.core.graph import ERROR, SELECTOR, WARNING, Problem, graph_of
from gatewayapp.core.snapshot import load_integration
from gatewayapp.core.told import Told, tell
from gatewayapp.live import NoGateway, live_connections
from gatewayapp.models import Connection, Document, Stage
from gatewayapp.models.redaction import redactor

MOST_DESTINATIONS = 100
"""Distinct backends that one check tries to reach."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, and the key of the node of the picture that it is about; empty for the whole."""

    problem: Problem
    node: str = ""


@dataclass(frozen=True, slots=True)
class StageAndDraft:
    """A stage, and what deploying the draft to it would change; None where it serves nothing yet."""

    stage: Stage
    changes: tuple[Told, ...] | None


@dataclass(frozen=True, slots=True)
class DraftStatus:
    version: str
    findings: tuple[Finding, ...]
    stages: tuple[StageAndDraft, ...]


@dataclass(frozen=True, slots=True)
class DeploymentCheck:
    """What deploying the draft now would mean: nothing can be deployed while a finding is an error of that kind."""

    version: str
    findings: tuple[Finding, ...]
    changes: tuple[Told, ...] | None


def get_draft_status(*, api_id: str) -> DraftStatus:
    """What is wrong with the draft, and how far it is ahead of each stage."""
    api = get_api(api_id=api_id)
    version = get_draft_version(api_id=api_id)
    draft = get_snapshot(api_id=api_id, deployment_id=DRAFT)
    stages = api.stages.select_related("deployment")
    return DraftStatus(
        version,
        tuple(_findings_of_draft(draft)),
        tuple(StageAndDraft(stage, _changes(stage, draft)) for stage in stages),
    )


def check_deployment(*, api_id: str, stage_name: str = "", reach_backends: bool = False) -> DeploymentCheck:
    """What to know before the draft is deployed, to a stage or to none; nothing is changed.

    With `reach_backends` connections to the backends are opened, which takes seconds; no request is sent.
    """
    get_api(api_id=api_id)
    version = get_draft_version(api_id=api_id)
    draft = get_snapshot(api_id=api_id, deployment_id=DRAFT)
    stage = get_stage(api_id=api_id, stage_name=stage_name) if stage_name else None
    findings = [*_findings_of_draft(draft)]
    if stage is not None:
        findings += _findings_of_stage(stage, draft)
    findings += _findings_of_tests(api_id, stage_name)
    if reach_backends:
        findings += _findings_of_backends(draft, stage)
    return DeploymentCheck(version, tuple(findings), _changes(stage, draft) if stage else None)


def _changes(stage: Stage, draft: Document) -> tuple[Told, ...] | None:
    return None if stage.deployment is None else tell(stage.deployment.snapshot, draft, redactor())


def _findings_of_draft(draft: Document) -> Iterator[Finding]:
    graph = graph_of(draft, secrets_of(draft))
    for problem in graph.problems:
        yield Finding(problem)
    for node in graph.nodes:
        for problem in node.problems:
            yield Finding(problem, node.key)


def _findings_of_stage(stage: Stage, draft: Document) -> Iterator[Finding]:
    if stage.auto_deploy:
        message = f"Stage {stage.stage_name} deploys automatically: it gets each change of the draft by itself."
        yield Finding(Problem("automatic", WARNING, message))
    if stage.deployment is None:
        return
    before = stage.deployment.snapshot["api"]["routeSelectionExpression"]
    after = draft["api"]["routeSelectionExpression"]
    connected = Connection.open.filter(api_id=stage.api_id, stage=stage.stage_name).count()
    if before != after and connected:
        message = (
            f"The route selection expression changes from {before} to {after} while {connected} "
            f"{'client is' if connected == 1 else 'clients are'} connected: do they send what it looks for?"
        )
        yield Finding(Problem("selection-changes", WARNING, message), SELECTOR)


def _findings_of_tests(api_id: str, stage_name: str) -> Iterator[Finding]:
    try:
        results = run_test_cases(api_id=api_id, stage_name=stage_name)
    except BadRequest:
        return  # the draft cannot be deployed, and the picture says why
    for result in results:
        if not result.passed:
            message = f"Test case {result.test_case.name} fails: {' '.join(result.failures)}"
            yield Finding(Problem("failing-test-case", WARNING, message))


def _findings_of_backends(draft: Document, stage: Stage | None) -> Iterator[Finding]:
    """Without a stage there are no stage variables, so backends that need them are left out."""
    nodes: dict[Destination, list[str]] = {}
    for document in draft["integrations"]:
        node = f"integration/{document['integrationId']}"
        try:
            destination = destination_of(load_integration(document), stage.stage_variables if stage else {})
        except ValueError:
            continue  # which is told of the draft
        except GatewayError as error:
            if stage is not None:
                message = secrets_of(draft, stage).text(str(error))
                yield Finding(Problem("no-backend", ERROR, message), node)
            continue
        if destination is not None:
            nodes.setdefault(destination, []).append(node)
    tried = list(nodes)[:MOST_DESTINATIONS]
    try:
        reasons = live_connections().reach(tried)
    except NoGateway as error:
        yield Finding(Problem("backends-not-tried", WARNING, f"No backend was tried. {error}"))
        return
    for destination, reason in zip(tried, reasons, strict=True):
        if reason:
            message = f"{_name(destination)} cannot be reached: {reason}"
            yield from (Finding(Problem("unreachable-backend", WARNING, message), node) for node in nodes[destination])
    if len(nodes) > len(tried):
        message = f"Only {len(tried)} of {len(nodes)} backends were tried."
        yield Finding(Problem("backends-not-tried", WARNING, message))


def _name(destination: Destination) -> str:
    if isinstance(destination, HttpDestination):
        return f"{destination.origin.scheme}://{destination.origin.host}:{destination.origin.port}"
    return f"Lambda in {destination.region}"
