"""Operations on deployments: the draft, frozen and proven to work, for stages to point at."""

from typing import Annotated, TypedDict, Unpack

from django.db.models import QuerySet

from gatewayapp.controlplane.operations.actors import current_actor
from gatewayapp.controlplane.operations.apis import get_api
from gatewayapp.controlplane.operations.audit_entries import path_of
from gatewayapp.controlplane.operations.changes import change_of, check_expectation, one_change
from gatewayapp.controlplane.operations.errors import BadRequest, NotFound
from gatewayapp.controlplane.operations.members import DESCRIPTION, Text, checked
from gatewayapp.controlplane.operations.resources import assign, find
from gatewayapp.controlplane.operations.snapshots import draft, freeze, point_at
from gatewayapp.core.told import Told, tell
from gatewayapp.models import Api, Deployment, Document, Stage
from gatewayapp.models.redaction import redactor

DRAFT = "draft"
"""What stands for the draft where deployments are compared."""


class DeploymentMembers(TypedDict, total=False):
    description: Annotated[str, DESCRIPTION]


class NewDeploymentMembers(DeploymentMembers, total=False):
    stage_name: Annotated[str, Text(0, 128)]


def create_deployment(*, api_id: str, **members: Unpack[NewDeploymentMembers]) -> Deployment:
    """Freeze the draft; the existing stage `stage_name`, if given, is pointed at the new deployment."""
    with one_change("CreateDeployment") as entry:
        check_expectation(api_id)
        api = get_api(api_id=api_id)
        values = checked(NewDeploymentMembers, members)
        stage = _stage(api, values.pop("stage_name", ""))
        deployment = Deployment.objects.create(api=api, snapshot=freeze(api), created_by=current_actor().name, **values)
        entry.path, entry.after = path_of(deployment), deployment.document()
        if stage is not None:
            point_at(deployment, [stage.pk])
            entry.after["stageName"] = stage.stage_name
        return deployment


def get_deployments(*, api_id: str) -> QuerySet[Deployment]:
    return get_api(api_id=api_id).deployments.defer("snapshot")


def get_deployment(*, api_id: str, deployment_id: str) -> Deployment:
    message = f"Invalid Deployment identifier specified {deployment_id}"
    return find(get_deployments(api_id=api_id), message, deployment_id=deployment_id)


@change_of(get_deployment)
def update_deployment(*, api_id: str, deployment_id: str, **members: Unpack[DeploymentMembers]) -> Deployment:
    deployment = get_deployment(api_id=api_id, deployment_id=deployment_id)
    assign(deployment, checked(DeploymentMembers, members)).save()
    return deployment


@change_of(get_deployment)
def delete_deployment(*, api_id: str, deployment_id: str) -> None:
    deployment = get_deployment(api_id=api_id, deployment_id=deployment_id)
    if deployment.stages.exists():
        raise BadRequest("Active stages pointing to this deployment must be moved or deleted")
    deployment.delete()


def diff_deployments(*, api_id: str, before: str, after: str) -> tuple[Told, ...]:
    """What changed from one deployment to another, in words too; either may be DRAFT."""
    old, new = (get_snapshot(api_id=api_id, deployment_id=each) for each in (before, after))
    return tell(old, new, redactor())


def get_snapshot(*, api_id: str, deployment_id: str) -> Document:
    """The document of a deployment, or of the draft as it stands now."""
    if deployment_id == DRAFT:
        return draft(get_api(api_id=api_id))
    snapshot: Document = get_deployment(api_id=api_id, deployment_id=deployment_id).snapshot
    return snapshot


def _stage(api: Api, stage_name: str) -> Stage | None:
    if not stage_name:
        return None
    stage = api.stages.filter(stage_name=stage_name).first()
    if stage is None:
        raise NotFound("Invalid stage identifier specified", resourceType="Stage")
    if stage.auto_deploy:
        raise BadRequest(
            f"Stage {stage_name} deploys automatically: leave stageName out, or switch autoDeploy off."
        ).about("stage_name")
    return stage
