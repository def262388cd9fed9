"""The picture of an API: its draft or one of its deployments, with what is not deployed yet."""

from dataclasses import dataclass

from gatewayapp.controlplane.operations.apis import get_api
from gatewayapp.controlplane.operations.changes import get_draft_version
from gatewayapp.controlplane.operations.deployments import DRAFT, get_snapshot
from gatewayapp.controlplane.operations.layouts import get_layout
from gatewayapp.controlplane.operations.secrets import secrets_of
from gatewayapp.core.diff import diff
from gatewayapp.core.graph import Graph, graph_of
from gatewayapp.core.layout import Placed, arranged
from gatewayapp.models import Api, Document


@dataclass(frozen=True, slots=True)
class StageOfGraph:
    """A stage, and how many `changes` the draft is ahead of what it serves; None where it serves nothing."""

    stage_name: str
    deployment_id: str | None
    auto_deploy: bool
    changes: int | None


@dataclass(frozen=True, slots=True)
class ApiGraph:
    """`version` is the draft's, whatever is shown."""

    api_id: str
    deployment_id: str
    version: str
    graph: Graph
    nodes: tuple[Placed, ...]
    stages: tuple[StageOfGraph, ...]


def get_graph(*, api_id: str, deployment_id: str = DRAFT) -> ApiGraph:
    """The picture of a deployment, or of the draft as it stands now."""
    api = get_api(api_id=api_id)
    # Asked for before the draft: one that changes in between is then told as changed, never the other way round.
    version = get_draft_version(api_id=api_id)
    draft = get_snapshot(api_id=api_id, deployment_id=DRAFT)
    shown = draft if deployment_id == DRAFT else get_snapshot(api_id=api_id, deployment_id=deployment_id)
    graph = graph_of(shown, secrets_of(shown))
    return ApiGraph(
        api_id, deployment_id, version, graph, arranged(graph, get_layout(api_id=api_id)), _stages(api, draft)
    )


def _stages(api: Api, draft: Document) -> tuple[StageOfGraph, ...]:
    return tuple(
        StageOfGraph(
            stage.stage_name,
            stage.deployment_id,
            stage.auto_deploy,
            None if stage.deployment is None else len(diff(stage.deployment.snapshot, draft)),
        )
        for stage in api.stages.select_related("deployment")
    )
