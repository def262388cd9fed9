"""Deployments: the draft as it was frozen, for stages to serve."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from dashboard.resources.apis import apis
from dashboard.resources.choices import stages
from dashboard.resources.diffs import items
from dashboard.resources.fields import Choice, LongText
from dashboard.resources.kinds import Cell, Column, Empty, Group, Kind, Place
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations.deployments import DRAFT, NewDeploymentMembers
from gatewayapp.models import Deployment


def _listed(rows: "QuerySet[Deployment]") -> "QuerySet[Deployment]":
    return rows.prefetch_related("stages").order_by("-created_date", "-pk")


def _more(place: Place, deployment: Deployment) -> Mapping[str, Any]:
    serving = {stage.stage_name for stage in deployment.stages.all()}
    others = place.api.stages.filter(auto_deploy=False).exclude(stage_name__in=serving) if place.api else ()
    names = {"api_id": deployment.api_id, "before": deployment.deployment_id, "after": DRAFT}
    return {
        "serving": sorted(serving),
        "could_serve": [stage.stage_name for stage in others],
        "changes": items(operations.diff_deployments(**names)),
    }


def _stages(deployment: Deployment, facts: Mapping[str, Any]) -> Cell:
    return Cell([stage.stage_name for stage in deployment.stages.all()], "chips")


deployments = Kind(
    noun="deployment",
    page="deployments",
    icon="rocket",
    key="deployment_id",
    model=Deployment,
    shape=NewDeploymentMembers,
    parent=apis,
    address="apis/<str:api_id>/deployments",
    groups=(
        Group(
            "",
            (
                Choice(
                    "stage_name",
                    "Stage",
                    "It serves the deployment at once. Stages that deploy automatically are not among them.",
                    fixed=True,
                    options=stages,
                ),
                LongText("description", "Description", "What changed, for those who roll back some day.", wide=True),
            ),
        ),
    ),
    columns=(
        Column("Description", lambda each, facts: Cell(each.description, "long"), "description"),
        Column("Served by", _stages),
        Column(
            "Made",
            lambda each, facts: Cell("automatically" if each.auto_deployed else "on request", "tone"),
            "auto_deployed",
        ),
        Column("Created", lambda each, facts: Cell(each.created_date, "moment"), "created_date"),
    ),
    lead="The draft, frozen. What a stage serves can be changed at any time, also back to an earlier deployment.",
    empty=Empty(
        "No deployment yet",
        "Routes and integrations are a draft until they are deployed. A deployment freezes it, after checking that "
        "all of it works together; then a stage can serve it.",
    ),
    name=lambda deployment: deployment.deployment_id,
    search=("deployment_id", "description"),
    get_all=operations.get_deployments,
    get=operations.get_deployment,
    create=operations.create_deployment,
    update=operations.update_deployment,
    delete=operations.delete_deployment,
    listed=_listed,
    more="resources/_deployment.html",
    more_context=_more,
    lost=lambda each: ["The way back to it. While a stage serves it, it cannot be deleted."],
)
