"""From an API's draft to a deployment, on request or, for stages with autoDeploy, after each change of the draft."""

import orjson
from django.utils import timezone

from gatewayapp.controlplane.operations.actors import current_actor
from gatewayapp.controlplane.operations.errors import BadRequest, Conflict, NotFound
from gatewayapp.controlplane.operations.secrets import secrets_of
from gatewayapp.core import snapshot
from gatewayapp.models import Api, ConfigurationVersion, Deployment, Document, Stage, StageDeployment

KEPT_HISTORY = 100
"""Of a stage: how many times it is remembered for that it began to serve a deployment."""

KEPT_AUTO_DEPLOYMENTS = 20
"""Deployments that autoDeploy made and no stage points at any more; older ones are dropped, each holds a whole API."""

_MAX_READS = 10
"""Attempts to read a draft that is changed meanwhile."""


def freeze(api: Api) -> Document:
    """The draft as a deployment's snapshot, proven to compile. Raises BadRequest."""
    if not api.routes.exists():
        raise BadRequest("Unable to deploy API because no routes exist in this API")
    if not api.disable_schema_validation:
        _check_schemas(api)
    document = draft(api)
    try:
        snapshot.load(document)
    except ValueError as error:
        raise BadRequest(f"Unable to deploy API: {secrets_of(document).text(str(error))}") from error
    return document


def redeploy(api_id: str) -> None:
    """Deploy the draft to each stage with autoDeploy that serves another; a draft that cannot be is only reported."""
    stages = Stage.objects.filter(api_id=api_id, auto_deploy=True).select_related("api", "deployment")
    if not stages:
        return
    try:
        document = freeze(stages[0].api)
    except BadRequest as error:
        stages.update(last_deployment_status_message=f"Deployment attempt failed: {error.message}")
        return
    outdated = [stage.pk for stage in stages if stage.deployment is None or stage.deployment.snapshot != document]
    if outdated:
        deployment = Deployment.objects.create(
            api_id=api_id, auto_deployed=True, created_by=current_actor().name, snapshot=document
        )
        point_at(deployment, outdated, f"Successfully deployed stage with deployment ID '{deployment.pk}'")
        _drop_old_auto_deployments(api_id)


def point_at(deployment: Deployment, stages: list[int], status_message: str = "") -> None:
    """Let the stages (primary keys) serve `deployment`."""
    Stage.objects.filter(pk__in=stages).update(
        deployment=deployment,
        last_deployment_status_message=status_message,
        last_updated_date=timezone.now(),
        revision=ConfigurationVersion.current(),
    )
    for stage in stages:
        note_deployment(stage, deployment.pk, automatic=deployment.auto_deployed)


def note_deployment(stage: int, deployment_id: str, *, automatic: bool = False) -> None:
    """Take down in the history of the stage (a primary key) that it serves the deployment from now on."""
    actor, history = current_actor(), StageDeployment.objects.filter(stage_id=stage)
    StageDeployment.objects.create(
        stage_id=stage,
        deployment_id=deployment_id,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        automatic=automatic,
        returned=history.filter(deployment_id=deployment_id).exists(),
    )
    history.filter(pk__in=list(history.values_list("pk", flat=True)[KEPT_HISTORY:])).delete()


def draft(api: Api) -> Document:
    """The draft's current configuration in the form of a deployment's snapshot.

    It takes several queries. Where the draft is changed between two of them, all are made again, so that no document
    mixes two states, such as a route and an integration that never were there together. Raises Conflict, NotFound.
    """
    for _ in range(_MAX_READS):
        document = _read_draft(api)
        current = Api.objects.filter(pk=api.pk).first()
        if current is None:
            raise NotFound(f"There is no API {api.pk}.", resourceType="Api")
        if current.draft_revision == api.draft_revision:
            return document
        api = current
    raise Conflict(
        f"The draft of API {api.pk} changed repeatedly while it was read. Try again when nobody is editing it."
    )


def _read_draft(api: Api) -> Document:
    return {
        "version": 1,
        "api": {name: value for name, value in api.document().items() if name not in ("tags", "createdDate")},
        "routes": [
            {**route.document(), "routeResponses": [response.document() for response in route.route_responses.all()]}
            for route in api.routes.prefetch_related("route_responses")
        ],
        "integrations": [
            {
                **integration.document(),
                "integrationResponses": [response.document() for response in integration.integration_responses.all()],
            }
            for integration in api.integrations.prefetch_related("integration_responses")
        ],
        "models": [model.document() for model in api.models.all()],
        "authorizers": [authorizer.document() for authorizer in api.authorizers.all()],
    }


def api_with_parts(api: Api) -> Document:
    """The API with all that belongs to it, for the audit log where it is made at once."""
    parts = {name: value for name, value in draft(api).items() if name not in ("version", "api")}
    return {**api.document(), **parts, "stages": [stage.document() for stage in api.stages.all()]}


def _check_schemas(api: Api) -> None:
    for model in api.models.filter(content_type__in=("", "application/json")):
        try:
            schema = orjson.loads(model.schema)
        except ValueError as error:
            raise BadRequest(f"Unable to deploy API: the schema of model {model.name} is not JSON: {error}.") from error
        if not isinstance(schema, dict):
            raise BadRequest(f"Unable to deploy API: the schema of model {model.name} is not a JSON object.")


def _drop_old_auto_deployments(api_id: str) -> None:
    unused = Deployment.objects.filter(api_id=api_id, auto_deployed=True, stages=None).order_by("-created_date", "-pk")
    Deployment.objects.filter(pk__in=list(unused.values_list("pk", flat=True)[KEPT_AUTO_DEPLOYMENTS:])).delete()
